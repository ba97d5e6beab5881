/**
 * Cuts a JSON text into the pieces that its arrays and objects are made of, without building values:
 * a piece that is passed on keeps every digit of its numbers.
 */
import { JsonError, scanArray, scanObject } from '../protocol/json-scanner.ts';
import { shown } from '../protocol/shown.ts';
import { InvalidArgument } from './errors.ts';

const openBrace = 0x7b;
const openBracket = 0x5b;

/**
 * The members of an object by their names, as views; undefined when it is another value.
 * @param bytes exactly one JSON value that has been scanned before.
 * @throws InvalidArgument: a member is there twice, so that two readers could disagree.
 */
export function membersOf(
  target: string,
  bytes: Uint8Array,
): ReadonlyMap<string, Uint8Array> | undefined {
  if (bytes[0] !== openBrace) return undefined;
  const members = new Map<string, Uint8Array>();
  scanned(() =>
    scanObject(bytes, 0, Number.MAX_SAFE_INTEGER, {
      onMember: (keyStart, keyEnd, valueStart, valueEnd) => {
        const name = String(valueOf(bytes.subarray(keyStart - 1, keyEnd + 1)));
        if (members.has(name)) {
          throw new InvalidArgument(target, `${target} has ${shown(name)} twice; send it once.`);
        }
        members.set(name, bytes.subarray(valueStart, valueEnd));
      },
    }),
  );
  return members;
}

/** The items of an array, as views; undefined when it is another value. `bytes` as above. */
export function itemsOf(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  if (bytes[0] !== openBracket) return undefined;
  const items: Uint8Array[] = [];
  scanned(() =>
    scanArray(bytes, 0, Number.MAX_SAFE_INTEGER, (start, end) =>
      items.push(bytes.subarray(start, end)),
    ),
  );
  return items;
}

/** The value that a piece stands for. */
export function valueOf(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
}

/** What has been scanned before cannot fail: if it does, the mistake is ours. */
function scanned(scan: () => number): void {
  try {
    scan();
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new Error('a piece of scanned JSON is none', { cause: error });
  }
}
