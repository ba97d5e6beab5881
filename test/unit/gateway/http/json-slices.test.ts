/** Holds the pieces of a JSON text to the values that JSON.parse makes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InvalidArgument } from '../../../../gateway/http/errors.ts';
import { itemsOf, membersOf, valueOf } from '../../../../gateway/http/json-slices.ts';

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
/** JSON with and without blanks, in the forms in which people write it. */
const jsonText = (value: unknown, indent: number): string =>
  JSON.stringify(value, undefined, indent);

test('itemsOf: the pieces of an array are its items, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.nat(3), (items, indent) => {
      const pieces = itemsOf(Buffer.from(jsonText(items, indent)));
      assert.equal(jsonText(pieces?.map(valueOf), 0), jsonText(items, 0));
    }),
  );
});

test('membersOf: the pieces of an object are its members, by their names', () => {
  const objects = fc.dictionary(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constant('__proto__')),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(objects, fc.nat(3), (object, indent) => {
      const text = jsonText(object, indent);
      const members = [...(membersOf('it', Buffer.from(text)) ?? [])];
      const values = members.map(([name, bytes]) => [name, valueOf(bytes)]);
      // What JSON.parse makes of it: a lone surrogate does not survive UTF-8 in either.
      const expected = Object.entries(JSON.parse(Buffer.from(text).toString()) as object);
      assert.equal(JSON.stringify(values), JSON.stringify(expected));
    }),
  );
});

test('pieces: a number keeps its digits', () => {
  const [item] = itemsOf(Buffer.from('[ 1.10e400 ]')) ?? [];
  assert.ok(item !== undefined);
  assert.equal(textOf(item), '1.10e400');
});

test('membersOf: a name that is there twice is refused, however it is written', () => {
  for (const text of ['{"a":1,"a":2}', String.raw`{"a":1,"\u0061":2}`]) {
    assert.throws(() => membersOf('it', Buffer.from(text)), InvalidArgument);
  }
});

test('pieces: other values have none', () => {
  for (const text of ['1', '"[]"', 'null', 'true']) {
    assert.equal(itemsOf(Buffer.from(text)), undefined);
    assert.equal(membersOf('it', Buffer.from(text)), undefined);
  }
  assert.equal(itemsOf(Buffer.from('{}')), undefined);
  assert.equal(membersOf('it', Buffer.from('[]')), undefined);
});
