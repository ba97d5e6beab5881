/** Holds the reader of configuration texts against JSON.parse, and its messages to their places. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  isJsonObject,
  JsonTextError,
  parseJsonText,
  type JsonValue,
} from '../../../../gateway/config/json-text.ts';

/** The value as JSON.parse would give it. */
function toPlain(value: JsonValue): unknown {
  if (isJsonObject(value)) {
    return Object.fromEntries([...value].map(([key, item]) => [key, toPlain(item)]));
  }
  return Array.isArray(value) ? (value as readonly JsonValue[]).map(toPlain) : value;
}

function parsed(run: () => unknown): { readonly value: unknown } | undefined {
  try {
    return { value: run() };
  } catch {
    return undefined;
  }
}

describe('json text', () => {
  test('parseJsonText: agrees with JSON.parse on every JSON text', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(0, 2), (json, indent) => {
        const text = JSON.stringify(JSON.parse(json), undefined, indent);
        assert.deepEqual(toPlain(parseJsonText(text)), JSON.parse(text));
      }),
    );
  });

  test('parseJsonText: accepts a damaged text only if JSON.parse does', () => {
    const mark = fc.constantFrom(
      ...'{ } [ ] " , : \\ / - + . 0 e 1 t f n \n \u0000 \u2028'.split(' '),
      ' ',
    );
    fc.assert(
      fc.property(fc.json({ maxDepth: 2 }), fc.nat(), mark, (json, at, inserted) => {
        const place = at % (json.length + 1);
        const text = json.slice(0, place) + inserted + json.slice(place);
        const ours = parsed(() => toPlain(parseJsonText(text)));
        const theirs = parsed(() => JSON.parse(text) as unknown);
        if (ours !== undefined) assert.deepEqual(ours, theirs);
        else if (theirs !== undefined) assert.throws(() => parseJsonText(text), /each key once/);
      }),
      { numRuns: 2000 },
    );
  });

  const cases: readonly (readonly [string, string])[] = [
    ['', 'line 1, column 1: expected a value'],
    ['{"a": 1,}', 'line 1, column 9: expected a key in double quotes'],
    ['{\n "a": 01}', 'line 2, column 7: expected a value'],
    ['{"a" 1}', 'line 1, column 6: expected ":"'],
    ['{"a": 1 "b"}', 'line 1, column 9: expected "," or "}"'],
    ['[1 2]', 'line 1, column 4: expected "," or "]"'],
    ['{"a": "b\n"}', 'line 1, column 7: expected a string that ends on its line with "'],
    ['1 1', 'line 1, column 3: expected the end of the file'],
    ['{"a":1,\n"a":2}', 'line 2, column 1: expected each key once, got "a" again'],
    ['# x', 'line 1, column 1: expected a value (JSON has no comments)'],
    ['['.repeat(99), 'line 1, column 34: expected at most 32 levels'],
  ];
  for (const [text, message] of cases) {
    test(`parseJsonText: ${JSON.stringify(text.slice(0, 20))} fails with its place`, () => {
      assert.throws(() => parseJsonText(text), new JsonTextError(message));
    });
  }

  test('parseJsonText: a byte order mark is no content', () => {
    assert.equal(parseJsonText('\uFEFF1'), 1);
  });
});
