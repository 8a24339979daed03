"""L'application : d'un dossier d'images à un classifieur et à son rapport."""
