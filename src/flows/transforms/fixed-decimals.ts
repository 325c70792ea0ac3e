/**
 * A number in the computer's notation with exactly this many decimals. The digits are rounded as they are written,
 * halves away from zero: a text may have more of them than a number holds.
 */
export function fixedDecimals(digits: string, places: number): string {
  const [, sign = '', whole = '', fraction = ''] =
    /^([+-]?)0*(\d*)\.?(\d*)$/.exec(withoutExponent(digits)) ?? [];
  const kept = BigInt(`${whole}${fraction.slice(0, places).padEnd(places, '0')}`);
  const rounded = (fraction[places] ?? '0') >= '5' ? kept + 1n : kept;
  const text = String(rounded).padStart(places + 1, '0');
  const broken = places === 0 ? '' : `.${text.slice(-places)}`;
  return `${sign === '-' && rounded !== 0n ? '-' : ''}${text.slice(0, text.length - places)}${broken}`;
}

/** 1.5e3 as 1500, 2.5e-7 as 0.00000025. */
function withoutExponent(digits: string): string {
  const [mantissa = '', exponent] = digits.toLowerCase().split('e');
  if (exponent === undefined) return digits;
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)(\d*)\.?(\d*)$/.exec(mantissa) ?? [];
  const shift = Number(exponent);
  if (shift >= 0) {
    const moved = fraction.padEnd(shift, '0');
    return `${sign}${whole}${moved.slice(0, shift)}.${moved.slice(shift)}`;
  }
  const moved = whole.padStart(-shift, '0');
  return `${sign}${moved.slice(0, moved.length + shift)}.${moved.slice(moved.length + shift)}${fraction}`;
}
