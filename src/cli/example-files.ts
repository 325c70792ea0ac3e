/** What `sluice init` puts into the flows folder: a flow that runs without a network. */
export const exampleFlow = `# A flow says what happens to one record. Run this one with:
#   sluice start example <the CSV file that sluice init made>

# The name that callers use, and a label for this text of it.
flow: example
version: 1
description: Tidies up customers and shows what would be sent.

# Where a record goes. The built-in target "echo" sends nothing and gives the mapped record back.
# To send for real, declare a connector in connectors.yaml and write:
#   target: { connector: crm-system, endpoint: /api/customers, method: POST }
target: { connector: echo }

# What is sent: target field on the left, column of the record on the right, then what is done to it.
mapping:
  # A record without a name fails alone; the others go on.
  name: source.name | trim | required
  email: source.email | trim | lowercase | required
  # Used where the cell is empty.
  country: source.country | default("unknown")
  # Left out where the cell is empty.
  company: source.company | omit_if_null

# Calls that fail for a passing reason (a busy or unreachable target) are tried again, with growing pauses.
on_error: { retry: 2x exponential(1s), then: dead-letter }

# What a start uses unless it says otherwise.
batch: { concurrency: 5, id_field: id }
`;

/** Commented out throughout: it declares nothing. */
export const exampleConnectors = `# Targets that flows may call. Secrets are named here and never written here: they are read from the
# environment, else from secrets.env in SLUICE_HOME (lines NAME=value, mode 0600). This command asks for the
# secret and writes both files:
#   sluice connect crm-system https://crm.example.com --bearer
#
# crm-system:
#   type: http
#   base_url: https://crm.example.com
#   auth: { type: bearer, token_env: CRM_TOKEN }
#   concurrency: 20      # calls at once, over all jobs
#   rate: 10/s
#   timeout: 30s
`;

export const exampleRecords = `id,name,email,country,company
1,Ada Lovelace,ADA@example.com,GB,Analytical Engines
2, Grace Hopper ,grace@example.com,US,
3,Katherine Johnson,katherine@example.com,,NASA
4,Hedy Lamarr,hedy@example.com,AT,
5,Mary Jackson,mary@example.com,US,NASA
`;
