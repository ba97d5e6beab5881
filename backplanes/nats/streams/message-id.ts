/**
 * Publication ids as the server gets them to find duplicates. It looks in the whole JetStream
 * stream, so the key's token stands behind the id: the same id on two keys is no duplicate.
 */

const unsafe = /[^!-$&-?A-~]/g;

/** `<id>@<token>`; what has no place in a header is written as `%` and four hexadecimal digits. */
export function messageId(id: string, token: string): string {
  const escaped = id.replace(unsafe, (unit) => {
    return `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `${escaped}@${token}`;
}

/** The publication's id; the whole text when we did not write it. */
export function publicationId(text: string): string {
  const end = text.indexOf('@');
  const id = end === -1 ? text : text.slice(0, end);
  if (!id.includes('%')) return id;
  return id.replace(/%([0-9a-f]{4})/g, (_all, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
}
