"""Ansible's own answers, for the tests.

Python and Ansible start slowly, so they are loaded once; each question then gets a process of its
own by fork, in which the real program runs from its main function on.

Standard input holds a JSON list of questions: the folder to ask in, the program and its arguments.
`resolve` is no program of Ansible's: it prints each host's variables with their templates rendered.
Standard output gets one JSON line an answer: {"stdout", "stderr", "code"}.
"""

import gc
import json
import os
import sys
import tempfile

from ansible import constants as C
from ansible.cli.adhoc import main as ansible
from ansible.cli.doc import main as ansible_doc
from ansible.cli.inventory import main as ansible_inventory
from ansible.cli.playbook import main as ansible_playbook
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager


def resolve(args):
    """Each host's variables, rendered; {"undefined": reason} for one that cannot be."""
    loader = DataLoader()
    sources = [a if "," in a else os.path.abspath(a) for a in args[1:] if a != "-i"]
    inventory = InventoryManager(loader=loader, sources=sources)
    manager = VariableManager(loader=loader, inventory=inventory)
    answers = {}
    for host in inventory.get_hosts():
        known = manager.get_vars(host=host)
        own = manager.get_vars(host=host, include_hostvars=False)
        templar = Templar(loader=loader, variables=known)
        answers[host.name] = {}
        for name in sorted(set(own) - set(C.INTERNAL_STATIC_VARS)):
            try:
                value = json.loads(json.dumps(templar.template(known[name])))
            except Exception as error:
                value = {"undefined": str(error)}
            answers[host.name][name] = value
    print(json.dumps(answers))


PROGRAMS = {
    "ansible": ansible,
    "ansible-doc": ansible_doc,
    "ansible-inventory": ansible_inventory,
    "ansible-playbook": ansible_playbook,
    "resolve": resolve,
}


def child(question, out, err):
    """Runs the program in this process, which has been made for it."""
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    os.chdir(question[0])
    code = 0
    try:
        PROGRAMS[question[1]](question[1:])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def answer(question):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            child(question, out, err)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        return {"stdout": out.read().decode(), "stderr": err.read().decode(), "code": code}


def warm_up():
    """Reads an inventory once, so that no child has to find and load Ansible's plugins."""
    init_plugin_loader()
    loader = DataLoader()
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as yml, tempfile.NamedTemporaryFile("w") as ini:
        yml.write("all: {hosts: {a: {}}}")
        ini.write("a")
        yml.flush()
        ini.flush()
        inventory = InventoryManager(loader=loader, sources=[yml.name, ini.name, "b,"])
        VariableManager(loader=loader, inventory=inventory).get_vars(host=inventory.get_host("a"))
    gc.freeze()


def main():
    warm_up()
    for question in json.load(sys.stdin):
        line = json.dumps(answer(question))
        print(line, flush=True)


main()
