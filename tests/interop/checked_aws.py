"""The AWS CLI up to the request: checks commands by botocore's models, and sends nothing.

Takes files on its command line, each with the arguments of a command that end in NUL. Runs as a
process of its own, since the AWS CLI sets variables and patches what it uses.
"""

import os
import sys
from pathlib import Path

for variable in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[variable]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"

# It sets a variable of its own, so the others are set before.
from awscli import clidriver
from awscli.customizations.waiters import WaiterCaller
from botocore.validate import validate_parameters


def invoke(self, service_name, operation_name, parameters, parsed_globals):
    """Checks the parameters of an operation, and what is asked of its output, against its model."""
    client = self._session.create_client(service_name, region_name=parsed_globals.region)
    operation = client.meta.service_model.operation_model(operation_name)
    if operation.input_shape is not None:
        validate_parameters(parameters, operation.input_shape)
    shape = operation.output_shape
    for name in parsed_globals.query.expression.split(".") if parsed_globals.query else []:
        if name not in shape.members:
            raise ValueError(f"--query: {operation_name} returns no {name}")
        shape = shape.members[name]
    return 0


def main(files: list[str]) -> int:
    clidriver.CLIOperationCaller.invoke = invoke
    WaiterCaller.invoke = lambda *_: 0
    failed = 0
    for file in files:
        arguments = Path(file).read_text().split("\0")[:-1]
        if "--profile" in arguments:
            at = arguments.index("--profile")
            del arguments[at : at + 2]
        try:
            status = clidriver.create_clidriver().main(arguments)
        except SystemExit as error:
            status = error.code
        if status != 0:
            print(f"refused: aws {' '.join(arguments)}", file=sys.stderr)
            failed += 1
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
