/** The known properties of a shape of object, found by the bytes of their names. */
import { FrameField, refused } from './frame-fields.ts';

export class FieldIndex<Name extends string> {
  readonly field: Readonly<Record<Name, FrameField>>;
  readonly #all: readonly FrameField[];
  readonly #byLength: (readonly FrameField[])[] = [];

  constructor(names: readonly Name[]) {
    this.#all = names.map((name) => new FrameField(name));
    for (const field of this.#all) {
      const { length } = field.name;
      this.#byLength[length] = [...(this.#byLength[length] ?? []), field];
    }
    // The keys are exactly `names`; Object.fromEntries cannot know that.
    this.field = Object.fromEntries(this.#all.map((field) => [field.name, field])) as Record<
      Name,
      FrameField
    >;
  }

  /** All are missing from now on. */
  reset(): void {
    for (const field of this.#all) field.start = -1;
  }

  /** The property of that name; undefined: it is not a known one. */
  find(bytes: Uint8Array, start: number, end: number): FrameField | undefined {
    const candidates = this.#byLength[end - start];
    if (candidates === undefined) return undefined;
    for (const field of candidates) {
      const { key } = field;
      let index = 0;
      while (index < key.length && key[index] === bytes[start + index]) index++;
      if (index === key.length) return field;
    }
    return undefined;
  }
}

/**
 * Notes where the value lies.
 * @throws ProtocolError: the object had the property before; readers could disagree on which counts.
 */
export function place(field: FrameField, valueStart: number, valueEnd: number): void {
  if (field.start !== -1) throw refused(`"${field.name}" appears twice; send it once`);
  field.start = valueStart;
  field.end = valueEnd;
}
