/** What became of one of the user's own messages, from the marks of the others. */
import type { Marks } from '../../shared/schema.ts';
import { isAfter, type Entry } from './timeline.ts';

export interface Receipt {
  readonly kind: 'sending' | 'failed' | 'sent' | 'delivered' | 'read';
  /** Ids of those who have read it, or to whom it was delivered. */
  readonly people: readonly string[];
}

/** `marks` by person; those of the sender are not looked at. */
export function receiptOf(
  { from, place, status }: Entry,
  marks: Readonly<Record<string, Marks>>,
): Receipt {
  if (status !== 'sent' || place === undefined) {
    return { kind: status === 'failed' ? 'failed' : 'sending', people: [] };
  }
  const others = Object.entries(marks).filter(([person]) => person !== from);
  const reached = (kind: keyof Marks): readonly string[] =>
    others
      .filter(([, each]) => each[kind] !== undefined && !isAfter(place, each[kind]))
      .map(([person]) => person);
  const readers = reached('read');
  if (readers.length > 0) return { kind: 'read', people: readers };
  const receivers = reached('delivered');
  return { kind: receivers.length > 0 ? 'delivered' : 'sent', people: receivers };
}
