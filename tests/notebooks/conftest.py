"""Les noyaux de nbval se parlent par des sockets locales : deux à la fois ne se gênent pas."""

from livre.kernels import use_local_sockets

use_local_sockets()
