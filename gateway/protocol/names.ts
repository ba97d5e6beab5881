/** The rules for names that clients and backends choose (Azure §1.1). */

const hubPattern = /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$/;
const eventPattern = /^[a-z][a-z0-9_.-]{0,127}$/i;
const onlySpace = /^\s*$/;

/** @returns the hub folded to lower case; undefined when it is not a hub name. */
export function parseHub(name: string): string | undefined {
  return hubPattern.test(name) ? name.toLowerCase() : undefined;
}

/**
 * Groups are case-sensitive: 1..`lengthMax` UTF-16 units of well-formed Unicode, not only white
 * space. UTF-8 cannot carry a lone surrogate: two such names would become one on their way.
 */
export function isGroupName(name: string, lengthMax: number): boolean {
  return name.length <= lengthMax && !onlySpace.test(name) && name.isWellFormed();
}

/** Users are case-sensitive and have the form of groups. */
export function isUserId(name: string, lengthMax: number): boolean {
  return isGroupName(name, lengthMax);
}

/** A letter, then up to 127 letters, digits, `_`, `.` or `-`. */
export function isEventName(name: string): boolean {
  return eventPattern.test(name);
}

/**
 * Ids that clients choose for invocations and streams: 1..`lengthMax` UTF-16 units of well-formed
 * Unicode.
 */
export function isClientId(name: string, lengthMax: number): boolean {
  return name.length > 0 && name.length <= lengthMax && name.isWellFormed();
}
