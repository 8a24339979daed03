"""L'extension réunit tous les modules qui s'adressent à Sphinx."""

import importlib
import pkgutil

import livre
from livre import extension


def test_no_module_is_forgotten():
    names = [module.name for module in pkgutil.iter_modules(livre.__path__)]
    modules = [importlib.import_module(f"livre.{name}") for name in names if name != "extension"]
    assert {module for module in modules if hasattr(module, "setup")} == set(extension.MODULES)


def test_pages_may_be_read_and_written_in_parallel(application):
    ours = application.extensions["livre.extension"]
    assert ours.parallel_read_safe
    assert ours.parallel_write_safe
