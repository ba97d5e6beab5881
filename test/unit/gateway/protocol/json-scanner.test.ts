/** The scanner accepts exactly what JSON.parse accepts, and measures it exactly. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  JsonError,
  scanSoleObject,
  scanValue,
  soleJsonValue,
} from '../../../../gateway/protocol/json-scanner.ts';
import { parseStrictly } from '../../../support/frame-invariants.ts';

const depthMax = 64;

/** Both accept, or both refuse. */
function agree(bytes: Uint8Array): void {
  let isAccepted = true;
  try {
    soleJsonValue(bytes, depthMax);
  } catch (error) {
    assert.ok(error instanceof JsonError, String(error));
    assert.ok(error.offset >= 0 && error.offset <= bytes.length);
    isAccepted = false;
  }
  let reference = true;
  try {
    parseStrictly(bytes);
  } catch {
    reference = false;
  }
  assert.equal(isAccepted, reference, Buffer.from(bytes).toString('latin1'));
}

const tokens = [
  '{ } [ ] , : " \\ "a" "\\u00e9" "\\u12" "\\x" é 😀'.split(' '),
  '0 1 - 01 1. .5 1e5 1E+ -0 1.5e-3 true false null tru nul Infinity'.split(' '),
  Array.from(' \n\t\v\u00a0\u0000\u001f\u007f'),
].flat();

describe('json scanner', () => {
  test('soleJsonValue: valid JSON in any layout is measured exactly', () => {
    const space = fc.stringMatching(/^[ \t\n\r]*$/);
    const indent = fc.constantFrom(undefined, 2);
    fc.assert(
      fc.property(fc.jsonValue(), indent, space, space, (value, indent, before, after) => {
        const json = JSON.stringify(value, undefined, indent);
        const slice = soleJsonValue(Buffer.from(before + json + after), depthMax);
        assert.equal(Buffer.from(slice).toString('utf8'), json);
      }),
      { numRuns: 500 },
    );
  });

  test('soleJsonValue: token soup is accepted exactly when JSON.parse accepts it', () => {
    const soup = fc.array(fc.constantFrom(...tokens), { maxLength: 7 });
    fc.assert(
      fc.property(soup, (parts) => agree(Buffer.from(parts.join('')))),
      { numRuns: 10_000 },
    );
  });

  test('soleJsonValue: mutated JSON is accepted exactly when JSON.parse accepts it', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...tokens));
    fc.assert(
      fc.property(fc.json(), edit, (json, [place, removed, inserted]) => {
        const at = place % (json.length + 1);
        agree(Buffer.from(json.slice(0, at) + inserted + json.slice(at + removed)));
        agree(Buffer.from(json).subarray(0, at));
      }),
      { numRuns: 3000 },
    );
  });

  test('soleJsonValue: UTF-8 is accepted exactly when a strict decoder accepts it', () => {
    const leads = Buffer.from('1f207f80bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff', 'hex');
    const tails = Buffer.from('207f808f909fa0bfc0', 'hex');
    let sequences = Array.from(leads, (lead) => [lead]);
    for (let length = 1; length <= 4; length++) {
      for (const sequence of sequences) agree(Buffer.from([0x22, ...sequence, 0x22]));
      sequences = sequences.flatMap((begun) => Array.from(tails, (tail) => [...begun, tail]));
    }
  });

  test('soleJsonValue: escapes are accepted exactly when JSON.parse accepts them', () => {
    for (let byte = 0; byte < 128; byte++) {
      const character = String.fromCharCode(byte);
      agree(Buffer.from(`"\\${character}"`));
      for (let place = 0; place < 4; place++) {
        const digits = `${'0'.repeat(place)}${character}${'F'.repeat(3 - place)}`;
        agree(Buffer.from(`"\\u${digits}"`));
        agree(Buffer.from(`"\\u${digits.slice(0, place)}"`));
      }
    }
  });

  test('soleJsonValue: arbitrary bytes are accepted exactly when JSON.parse accepts them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => agree(bytes)),
      { numRuns: 5000 },
    );
  });

  test('scanValue: ends where the value ends, whatever follows', () => {
    const tail = fc.constantFrom(',', '}', ']', ' ', '');
    fc.assert(
      fc.property(fc.json(), tail, (json, tail) => {
        const { length } = Buffer.from(json);
        assert.equal(scanValue(Buffer.from(json + tail), 0, depthMax), length);
      }),
    );
  });

  test('scanSoleObject: tells every member with its extent, nested ones not', () => {
    const bytes = Buffer.from(' { "a" : {"x":1} , "b\\"" :[1, 2],"a":"" } ');
    const members: [string, string][] = [];
    scanSoleObject(bytes, depthMax, {
      onMember: (keyStart, keyEnd, valueStart, valueEnd) => {
        const text = (from: number, to: number): string => bytes.toString('utf8', from, to);
        members.push([text(keyStart, keyEnd), text(valueStart, valueEnd)]);
      },
    });
    const expected = [
      ['a', '{"x":1}'],
      ['b\\"', '[1, 2]'],
      ['a', '""'],
    ];
    assert.deepEqual(members, expected);
  });

  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    test(`depth: ${open} may be nested exactly ${depthMax} deep`, () => {
      const nested = (depth: number): Buffer =>
        Buffer.from(`${open.repeat(depth)}1${close.repeat(depth)}`);
      assert.equal(soleJsonValue(nested(depthMax), depthMax).length, nested(depthMax).length);
      assert.throws(() => soleJsonValue(nested(depthMax + 1), depthMax), /nested too deeply/);
      assert.throws(() => soleJsonValue(nested(1_000_000), depthMax), /nested too deeply/);
    });
  }
});
