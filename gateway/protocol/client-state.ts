/** What a member says of itself, as it is read from a frame and measured. */
import type { FrameField, FrameFields } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import type { ClientState } from './presence-model.ts';
import { shown } from './shown.ts';

/**
 * The pairs of a property; of equal keys the last one counts. undefined: it is missing or null.
 * @throws ProtocolError: not an object of strings, or not valid Unicode.
 */
export function readState<Name extends string>(
  fields: FrameFields<Name>,
  field: FrameField,
): ClientState | undefined {
  if (!fields.isPresent(field)) return undefined;
  const pairs = new Map<string, string>();
  for (const [key, value] of fields.stringMembers(field)) {
    if (!key.isWellFormed() || !value.isWellFormed()) {
      throw refused(`"${field.name}" must be valid Unicode, got ${shown(key)}: ${shown(value)}`);
    }
    pairs.set(key, value);
  }
  return Array.from(pairs);
}

/** Bytes of all keys and values together, as UTF-8. */
export function stateBytes(state: ClientState | undefined): number {
  let bytes = 0;
  for (const [key, value] of state ?? [])
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes;
}
