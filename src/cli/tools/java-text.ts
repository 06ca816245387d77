import { longToBigInt } from '../../protocol/long.ts';

// How Java prints what Apache's tools print.

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const zoneName = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' });
const shortDate = new Intl.DateTimeFormat('en-US', { dateStyle: 'short', timeStyle: 'long' });
const mediumDate = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'medium' });
/** Instants that a Date can hold; Java's hold more, but no clock says so. */
const DATE_MS_MAX = 8.64e15;

/** As `new Date(ms).toString()`: `Sun Nov 22 06:29:42 UTC 2026`. */
export function javaDate(ms: number): string {
  if (Math.abs(ms) > DATE_MS_MAX) return `${ms} ms`;
  const date = new Date(ms);
  const two = (value: number) => `${value}`.padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${two(date.getDate())}`;
  return `${day} ${time} ${zoneOf(date)} ${date.getFullYear()}`;
}

function zoneOf(date: Date): string {
  return zoneName.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

/** As DateFormat.getDateTimeInstance(SHORT, LONG): `11/22/26, 6:29:42 AM UTC`. */
export function javaShortDate(ms: number): string {
  return Math.abs(ms) > DATE_MS_MAX ? `${ms} ms` : plainSpaces(shortDate.format(ms));
}

/** As DateFormat.getDateTimeInstance(): `Nov 22, 2026, 6:29:42 AM`. */
export function javaMediumDate(ms: number): string {
  return plainSpaces(mediumDate.format(ms));
}

/** Newer tables of locales, in Node as in Java, have a narrow no-break space before AM. */
function plainSpaces(text: string): string {
  return text.replace(/\u202f/g, ' ');
}

/** As `%#016x`: 0x and fourteen digits at least. */
export function paddedHex(high: number, low: number): string {
  return `0x${hexDigits(high, low).padStart(14, '0')}`;
}

/** As Long.toHexString. */
export function hexDigits(high: number, low: number): string {
  return BigInt.asUintN(64, longToBigInt(high, low)).toString(16);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '%00',
  '\n': '%0A',
  '\r': '%0D',
  ',': '%2C',
  '}': '%7D',
  '%': '%25',
};

/** A string in a jute record's toString: `'text`, nothing for null. */
export function juteText(text: string | null): string {
  return text === null ? '' : `'${text.replace(/[\0\n\r,}%]/g, (found) => ESCAPES[found])}`;
}
