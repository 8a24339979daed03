"""Le catalogue français d'argparse, face aux textes de l'argparse installé."""

import argparse
import ast
import inspect

import pytest

from photos.french import CATALOG, french_argparse

# Ce que notre ligne de commande ne peut pas faire dire à argparse : fautes de programme, ou
# fonctions dont elle ne se sert pas. Python 3.11 à 3.14.
UNUSED = {
    ".__call__() not defined",
    "%r is not callable",
    "%(heading)s:",
    "'required' is an invalid argument for positionals",
    "ambiguous option: %(option)s could match %(matches)s",  # allow_abbrev=False
    "argument '%(argument_name)s' is deprecated",
    'argument "-" with mode %r',
    "can't open '%(filename)s': %(error)s",
    "cannot have multiple subparser arguments",
    "cannot merge actions - two groups are named %r",
    "command '%(parser_name)s' is deprecated",
    "conflicting option string: %s",
    "conflicting option strings: %s",
    "conflicting subparser alias: %s",
    "conflicting subparser: %s",
    "dest= is required for options like %r",
    "expected %s argument",
    "expected %s arguments",
    "expected at most one argument",
    "invalid %(type)s value: %(value)r",  # nos lecteurs lèvent ArgumentTypeError
    "invalid choice: %(value)r, maybe you meant %(suggestion)r? (choose from %(choices)s)",
    "invalid conflict_resolution value: %r",
    "invalid option string %(option)r: must start with a character %(prefix_chars)r",
    "%(prog)s: warning: %(message)s\n",
    "mutually exclusive arguments must be optional",
    "one of the arguments %s is required",
    "option '%(option)s' is deprecated",
    "show program's version number and exit",
    "show this help message and exit",
    "subcommands",
    "unexpected option string: %s",
    " (default: %(default)s)",
}


def messages() -> set[str]:
    """Tous les textes qu'argparse donne à traduire, lus dans son code."""
    tree = ast.parse(inspect.getsource(argparse))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        argument.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ("_", "ngettext")
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_every_message_of_argparse_is_translated_or_known_to_be_unused() -> None:
    found = messages()
    assert len(found) > 25
    assert found <= CATALOG.keys() | UNUSED
    assert not CATALOG.keys() & UNUSED


@pytest.mark.parametrize("english", CATALOG)
def test_a_translation_takes_what_the_message_gives(english: str) -> None:
    """Les mêmes champs, que le français remplit sans faute."""
    values = {"prog": "p", "message": "m", "argument_name": "a", "value": "v", "choices": "c",
              "parser_name": "n"}  # fmt: skip
    given = values if "%(" in english else ("x",) if "%" in english else ()
    assert (CATALOG[english] % given) != (english % given)


def test_argparse_is_given_back_as_it_was() -> None:
    before = argparse.ArgumentParser(prog="p").format_help()
    with french_argparse():
        assert "emploi" in argparse.ArgumentParser(prog="p").format_help()
    assert argparse.ArgumentParser(prog="p").format_help() == before
