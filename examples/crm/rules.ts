/** Why the CRM will never take a record as it is. */
export interface Refusal {
  readonly message: string;
  readonly field: string;
}

interface Rule extends Refusal {
  holds(body: Readonly<Record<string, unknown>>): boolean;
}

/**
 * What an airport must look like. The first rule that does not hold is the one the CRM names.
 *
 * The messages carry no values, so that the same mistake always reads the same.
 */
const rules: readonly Rule[] = [
  {
    field: 'code',
    message: 'code must be exactly three capital letters or digits',
    holds: ({ code }) => typeof code === 'string' && /^[A-Z0-9]{3}$/.test(code),
  },
  {
    field: 'name',
    message: 'name must have 1 to 35 characters',
    holds: ({ name }) => typeof name === 'string' && name.length >= 1 && name.length <= 35,
  },
  {
    field: 'city',
    message: 'city must name a city; NA is a placeholder',
    holds: ({ city }) => typeof city === 'string' && city !== '' && city !== 'NA',
  },
  {
    field: 'latitude',
    message: 'latitude must be a number from -90 to 90',
    holds: ({ latitude }) => isWithin(latitude, 90),
  },
  {
    field: 'longitude',
    message: 'longitude must be a number from -180 to 180',
    holds: ({ longitude }) => isWithin(longitude, 180),
  },
];

/** The first rule an airport breaks, or undefined for one the CRM takes. */
export function refusalOf(body: Readonly<Record<string, unknown>>): Refusal | undefined {
  const broken = rules.find((rule) => !rule.holds(body));
  return broken && { message: broken.message, field: broken.field };
}

function isWithin(value: unknown, limit: number): boolean {
  return typeof value === 'number' && Math.abs(value) <= limit;
}
