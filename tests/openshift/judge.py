"""Says whether OpenShift's schemas take the objects on standard input (a JSON list): judge.py FOLDER.

Kinds without a schema there are named on standard output. Fields that a schema does not know are mistakes, as for
`oc apply --validate=strict`.
"""

import gzip
import json
import sys
from pathlib import Path

import jsonschema


def strict(schema):
    """The same schema that takes no unknown fields."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: strict(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type", "object") == "object":
        schema.setdefault("additionalProperties", False)
    return schema


def main():
    folder = Path(sys.argv[1])
    with gzip.open(folder / "__resources-mappings.json.gz") as file:
        kinds = json.load(file)
    definitions = json.loads((folder / "_definitions.json").read_text())
    definitions = definitions.get("definitions", definitions)
    failed = False
    for thing in json.load(sys.stdin):
        group, _, version = thing["apiVersion"].rpartition("/")
        wanted = {"group": group, "kind": thing["kind"], "version": version}
        known = kinds.get(thing["kind"].lower(), [])
        schemas = [it for it in known if wanted in it.get("x-kubernetes-group-version-kind", [])]
        if not schemas:
            print(f"no schema: {thing['kind']}")
            continue
        schema = strict(schemas[0]) | {"components": {"schemas": definitions}}
        for error in jsonschema.Draft202012Validator(schema).iter_errors(thing):
            failed = True
            print(f"{thing['kind']} {thing['metadata'].get('name')}: {error.json_path}: {error.message}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
