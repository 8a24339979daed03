"""L'anatomie d'un réseau : une traversée, et ce qu'on en tire, tableaux et dessins."""
