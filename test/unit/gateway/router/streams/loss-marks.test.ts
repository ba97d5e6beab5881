/** Losses are marked once, tried again while the broker is away, and never for ever. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { isLossMark, lossMarkId } from '../../../../../backplanes/loss-mark.ts';
import type { StreamRef } from '../../../../../backplanes/stream-store.ts';
import { LossMarks } from '../../../../../gateway/router/streams/loss-marks.ts';
import type { Outgoing } from '../../../../../gateway/router/publication-writer.ts';
import { FakeClock } from '../fakes.ts';

const stream: StreamRef = {
  key: 'g:hub:room',
  retention: { name: 'r', messagesMax: 10, ageMsMax: 60_000, bytesMax: 10_000 },
};
const common = { epoch: 'e', offset: 7, tag: 3 };

/** A publisher that fails so many times first. */
function marksWith(failures: number): {
  readonly marks: LossMarks;
  readonly clock: FakeClock;
  readonly sent: Outgoing[];
  readonly counters: { lossesMarked: number; lossesUnmarked: number };
} {
  const clock = new FakeClock();
  const sent: Outgoing[] = [];
  const counters = { lossesMarked: 0, lossesUnmarked: 0 };
  const publish = (outgoing: Outgoing) => {
    sent.push(outgoing);
    if (sent.length <= failures) return Promise.reject(new Error('the broker is away'));
    return Promise.resolve({ id: outgoing.id, position: undefined, isDuplicate: false });
  };
  return {
    marks: new LossMarks({ publisher: { publish }, clock, counters }),
    clock,
    sent,
    counters,
  };
}

describe('loss marks', () => {
  test('mark: the same loss is appended once at a time, under an id that others have, too', async () => {
    const { counters, marks, sent } = marksWith(0);
    marks.mark(stream, common);
    marks.mark(stream, { ...common });
    await turnOfTheLoop();
    assert.deepEqual(
      sent.map(({ bytes, id, key }) => [isLossMark(bytes), id, key]),
      [[true, lossMarkId(common), stream.key]],
    );
    assert.deepEqual(counters, { lossesMarked: 1, lossesUnmarked: 0 });
  });

  test('mark: it is tried again with the same id until the broker is back', async () => {
    const { clock, counters, marks, sent } = marksWith(3);
    marks.mark(stream, common);
    for (let pause = 0; pause < 5; pause += 1) {
      await turnOfTheLoop();
      clock.advance(5000);
    }
    await turnOfTheLoop();
    assert.deepEqual(
      sent.map(({ id }) => id),
      Array.from({ length: 4 }, () => lossMarkId(common)),
    );
    assert.deepEqual(counters, { lossesMarked: 1, lossesUnmarked: 0 });
    assert.equal(clock.timers, 0);
  });

  test('mark: it is given up in the end, and counted', async () => {
    const { clock, counters, marks } = marksWith(Number.POSITIVE_INFINITY);
    marks.mark(stream, common);
    for (let pause = 0; pause < 100; pause += 1) {
      await turnOfTheLoop();
      clock.advance(5000);
    }
    assert.deepEqual(counters, { lossesMarked: 0, lossesUnmarked: 1 });
    assert.equal(clock.timers, 0);
  });

  test('stop: a mark that waits for its next try leaves no timer', async () => {
    const { clock, counters, marks, sent } = marksWith(Number.POSITIVE_INFINITY);
    marks.mark(stream, common);
    await turnOfTheLoop();
    assert.equal(clock.timers, 1);
    marks.stop();
    await turnOfTheLoop();
    assert.deepEqual([clock.timers, sent.length, counters.lossesUnmarked], [0, 1, 1]);
  });
});
