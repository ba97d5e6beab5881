/** Metadata: what is accepted, what is refused and why. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MetadataError, parseMetadata } from '../../../../gateway/protocol/metadata.ts';

const bytesMax = 8192;
const pairsOfOneKey: [string, string][] = [
  ['a', ''],
  ['a', ''],
];

describe('metadata', () => {
  test('parseMetadata: keeps keys and values as they are', () => {
    const pairs: [string, string][] = [
      ["!#$%&'*+-.^_`|~0aZ", ''],
      ['constructor', 'v \t~'],
      ['k'.repeat(256), 'v'.repeat(1024)],
    ];
    assert.deepEqual(parseMetadata(pairs, bytesMax), Object.fromEntries(pairs));
  });

  test('parseMetadata: reads the entries of a map of headers', () => {
    assert.deepEqual(parseMetadata(new Map([['a', 'b']]), bytesMax), { a: 'b' });
    assert.deepEqual(parseMetadata([], bytesMax), {});
  });

  test('parseMetadata: the total may be exactly the bound', () => {
    assert.deepEqual(parseMetadata([['ab', 'cd']], 4), { ab: 'cd' });
    assert.throws(() => parseMetadata([['ab', 'cde']], 4), /larger than 4 bytes/);
  });

  const refusals: readonly [name: string, pairs: [string, string][], message: RegExp][] = [
    ['an empty key', [['', 'v']], /not an HTTP token/],
    ['a key with a colon', [['a:b', 'v']], /"a:b" is not an HTTP token/],
    ['a key beyond ASCII', [['é', 'v']], /not an HTTP token/],
    ['a key with a line break', [['a\n', 'v']], /not an HTTP token/],
    ['the key __proto__', [['__proto__', 'v']], /not an HTTP token/],
    ['a key of 257 bytes', [['k'.repeat(257), 'v']], /longer than 256/],
    ['a value of 1025 bytes', [['k', 'v'.repeat(1025)]], /longer than 1024/],
    ['a value beyond ASCII', [['k', 'é']], /printable ASCII, got "é"/],
    ['a value with a line break', [['k', 'a\r\nb: c']], /printable ASCII/],
    ['a key twice', pairsOfOneKey, /twice/],
  ];
  for (const [name, pairs, message] of refusals) {
    test(`parseMetadata: refuses ${name}`, () => {
      assert.throws(
        () => parseMetadata(pairs, bytesMax),
        (error) => error instanceof MetadataError && message.test(error.message),
      );
    });
  }
});
