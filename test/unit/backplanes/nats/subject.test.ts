/** Keys as NATS subjects: nothing in a name can act, and no two names meet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { probeSubject, subjectOf, subjectPattern } from '../../../../backplanes/nats/subject.ts';

const subject = (key: string): string => subjectOf('tl', key);

test('subject: plain keys are readable, everything else is escaped', () => {
  assert.equal(subject('g:hub:room-1_A'), 'tl.k.g:hub:room-1_A');
  assert.equal(subject('g:hub:a.b'), 'tl.k.g:hub:a=2Eb');
  assert.equal(subject('g:hub:*'), 'tl.k.g:hub:=2A');
  assert.equal(subject('g:hub:>'), 'tl.k.g:hub:=3E');
  assert.equal(subject('g:hub:a b\r\n'), 'tl.k.g:hub:a=20b=0D=0A');
  assert.equal(subject('=2E'), 'tl.k.=3D2E');
  assert.equal(subject('é'), 'tl.k.=C3=A9');
  assert.equal(subject(''), 'tl.k.=');
});

test('subject: lone surrogates stay apart from each other and from their replacement', () => {
  const keys = ['\ud800', '\udc00', '\ufffd', '~D800', '\u{10000}'];
  assert.equal(new Set(keys.map(subject)).size, keys.length);
});

test('subject: long keys are hashed, so that lines stay short', () => {
  const long = subject('\u{1f600}'.repeat(1024));
  assert.match(long, /^tl\.k\.~h[A-Za-z0-9_-]{43}$/);
  assert.notEqual(long, subject(`${'\u{1f600}'.repeat(1023)}\u{1f601}`));
  assert.equal(subject('x'.repeat(512)), `tl.k.${'x'.repeat(512)}`);
  assert.match(subject('x'.repeat(513)), /^tl\.k\.~h/);
});

const anyKey = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('.', '*', '>', ' ', '=', '~', 'a', '2', 'E', '\n'),
    maxLength: 9,
  }),
  fc.string({ unit: 'grapheme', minLength: 200, maxLength: 1024 }),
);

test('subject: every key is one token of visible ASCII below the prefix, and short', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      assert.match(subject(key), /^tl\.k\.[A-Za-z0-9_:=~-]{1,512}$/);
    }),
  );
});

test('subject: different keys have different subjects', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (one, other) => {
      assert.equal(subject(one) === subject(other), one === other);
    }),
  );
});

test('subject: the canary sings where no key can be', () => {
  assert.equal(probeSubject('tl', 'x-1'), 'tl.p.x-1');
  assert.equal(subjectPattern('tl'), 'tl.>');
});
