/** When a read of a JetStream stream is proved to be complete, and when it is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isComplete, type Evidence } from '../../../../../backplanes/nats/streams/completeness.ts';

/** A bookmark at 50 of another stream, in a JetStream stream that holds 10 to 100. */
const bookmark: Evidence = {
  after: 50,
  place: 'other',
  firstSequence: 10,
  lastSequence: 100,
  laterCount: 3,
  messagesMax: 5,
  raisedAt: 0,
  purgedAt: undefined,
};
const own: Evidence = { ...bookmark, place: 'own' };
const missing: Evidence = { ...bookmark, place: 'missing' };

test('completeness: its own entry proves it, whatever else has been dropped', () => {
  assert.ok(isComplete({ ...own, laterCount: 5, raisedAt: 70, purgedAt: 20 }));
});

test('completeness: a bookmark proves it while the stream is not full', () => {
  assert.ok(isComplete(bookmark));
  assert.ok(isComplete({ ...bookmark, laterCount: 4 }));
  assert.ok(!isComplete({ ...bookmark, laterCount: 5 }));
});

test('completeness: a bookmark from before a purge or a raised bound proves nothing', () => {
  assert.ok(isComplete({ ...bookmark, purgedAt: 49, raisedAt: 50 }));
  assert.ok(!isComplete({ ...bookmark, purgedAt: 51 }));
  assert.ok(!isComplete({ ...bookmark, raisedAt: 51 }));
});

test('completeness: where nothing is stored it may have been the stream itself', () => {
  assert.ok(!isComplete(missing));
  assert.ok(!isComplete({ ...missing, laterCount: 0 }));
});

test('completeness: at the end of everything there is nothing to miss', () => {
  assert.ok(isComplete({ ...missing, after: 100, laterCount: 0 }));
  assert.ok(isComplete({ ...missing, after: 0, firstSequence: 0, lastSequence: 0, laterCount: 0 }));
});

test('completeness: the beginning is complete while nothing has been dropped from the front', () => {
  const beginning: Evidence = { ...missing, after: 0, firstSequence: 1 };
  assert.ok(isComplete(beginning));
  assert.ok(!isComplete({ ...beginning, firstSequence: 2 }));
  assert.ok(!isComplete({ ...beginning, laterCount: 5 }));
  assert.ok(!isComplete({ ...beginning, purgedAt: 1 }));
});

function placeOf(subject: string | undefined): Evidence['place'] {
  if (subject === undefined) return 'missing';
  return subject === 'a' ? 'own' : 'other';
}

/** A JetStream stream in memory that remembers what it has dropped. */
class Model {
  readonly #messagesMax: number;
  #kept: { readonly sequence: number; readonly subject: string }[] = [];
  readonly #all: { readonly sequence: number; readonly subject: string }[] = [];
  #last = 0;
  #purgedAt: number | undefined;

  constructor(messagesMax: number) {
    this.#messagesMax = messagesMax;
  }

  append(subject: string): void {
    this.#last += 1;
    const message = { sequence: this.#last, subject };
    this.#all.push(message);
    this.#kept.push(message);
    const same = this.#kept.filter((each) => each.subject === subject);
    const oldest = same.length > this.#messagesMax ? same[0] : undefined;
    this.#kept = this.#kept.filter((each) => each !== oldest);
  }

  dropFront(): void {
    this.#kept.shift();
  }

  purge(subject: string): void {
    // The note of a purge is a message itself.
    this.append(`note ${subject}`);
    if (subject === 'a') this.#purgedAt = this.#last;
    this.#kept = this.#kept.filter((each) => each.subject !== subject);
  }

  evidence(after: number): Evidence {
    const there = this.#kept.find(({ sequence }) => sequence === after);
    const note = this.#kept.find(({ subject }) => subject === 'note a');
    const later = this.#kept.filter(({ sequence, subject }) => subject === 'a' && sequence > after);
    return {
      after,
      place: placeOf(there?.subject),
      firstSequence: this.#kept[0]?.sequence ?? this.#last + 1,
      lastSequence: this.#last,
      laterCount: later.length,
      messagesMax: this.#messagesMax,
      raisedAt: 0,
      purgedAt: note === undefined ? undefined : this.#purgedAt,
    };
  }

  hasAll(after: number): boolean {
    const isLater = ({ sequence, subject }: { sequence: number; subject: string }): boolean =>
      subject === 'a' && sequence > after;
    return this.#all.filter(isLater).length === this.#kept.filter(isLater).length;
  }
}

const step = fc.constantFrom('append a', 'append b', 'front', 'purge a', 'purge b');

test('completeness: it is never claimed when an entry is gone', () => {
  let proved = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (steps, max) => {
      const model = new Model(max);
      for (const each of steps) {
        const [verb, subject = ''] = each.split(' ');
        if (verb === 'append') model.append(subject);
        else if (verb === 'purge') model.purge(subject);
        else model.dropFront();
      }
      const { lastSequence } = model.evidence(0);
      for (let after = 0; after <= lastSequence; after += 1) {
        if (!isComplete(model.evidence(after))) continue;
        proved += 1;
        assert.ok(model.hasAll(after), `after ${after}: ${steps.join(', ')}`);
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(proved > 1000, `only ${proved} were proved`);
});
