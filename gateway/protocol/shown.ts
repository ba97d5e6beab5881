/** Values of strangers, made fit for an error message. */

const lengthMax = 32;

/** Quoted, escaped and shortened, so that it can neither flood nor forge what it is put into. */
export function shown(value: string): string {
  const isLong = value.length > lengthMax;
  const text = JSON.stringify(isLong ? value.slice(0, lengthMax) : value);
  return isLong ? `${text}…` : text;
}
