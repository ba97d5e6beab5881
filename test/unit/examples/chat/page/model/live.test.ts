/** What comes and goes on the page: who writes, notifications, marks on their way to the backend. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MarkReporter } from '../../../../../../examples/chat/page/model/mark-reporter.ts';
import { NoticeBoard, noticeOf } from '../../../../../../examples/chat/page/model/notice-board.ts';
import { TypingTeller, TypingWatch } from '../../../../../../examples/chat/page/model/typing.ts';
import type { Marks } from '../../../../../../examples/chat/shared/schema.ts';
import { FakeClock } from '../../../../client-sdk/fakes.ts';

const at = (offset: number) => ({ epoch: 'e', offset });

describe('typing', () => {
  test('teller: says it at once, at most every three seconds, and when it is over', async () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const teller = new TypingTeller(clock, (isTyping) => told.push(`${clock.nowMs()} ${isTyping}`));
    for (let key = 0; key < 8; key += 1) {
      teller.onInput();
      await clock.pass(500);
    }
    await clock.pass(10_000);
    assert.deepEqual(told, ['0 true', '3000 true', '6500 false']);
    assert.equal(clock.pending, 0);
  });

  test('teller: a sent message ends it, and nothing is said when nothing was', async () => {
    const clock = new FakeClock();
    const told: boolean[] = [];
    const teller = new TypingTeller(clock, (isTyping) => told.push(isTyping));
    teller.stop();
    teller.onInput();
    teller.stop();
    await clock.pass(10_000);
    assert.deepEqual(told, [true, false]);
  });

  test('watch: who is not heard of again is forgotten', async () => {
    const clock = new FakeClock();
    let changes = 0;
    const watch = new TypingWatch(clock, () => (changes += 1));
    watch.hear('ben', true);
    await clock.pass(4000);
    watch.hear('ben', true);
    watch.hear('eva', true);
    await clock.pass(4000);
    assert.deepEqual(watch.writers, ['ben', 'eva']);
    watch.hear('eva', false);
    assert.deepEqual(watch.writers, ['ben']);
    await clock.pass(2000);
    assert.deepEqual(watch.writers, []);
    assert.equal(changes, 4);
    watch.hear('ben', true);
    watch.clear();
    assert.deepEqual([watch.writers, clock.pending], [[], 0]);
  });
});

describe('notice board', () => {
  test('notices: each once, the newest first, from both streams', () => {
    const board = new NoticeBoard();
    assert.equal(board.add('a', 10, { title: 'A' }), true);
    assert.equal(board.add('c', 30, { title: 'C' }), true);
    assert.equal(board.add('b', 20, { title: 'B' }), true);
    assert.equal(board.add('b', 20, { title: 'B' }), false);
    assert.deepEqual(
      board.notices.map(({ title }) => title),
      ['C', 'B', 'A'],
    );
  });

  test('notices: what was read on another device is read, also when it comes later', () => {
    const board = new NoticeBoard();
    board.markRead(['b']);
    board.add('a', 1, { title: 'A' });
    board.add('b', 2, { title: 'B' });
    assert.deepEqual(
      board.unread.map(({ id }) => id),
      ['a'],
    );
    board.markRead(['a']);
    assert.deepEqual(board.unread, []);
  });

  test('notices: what is sent from elsewhere is shown as far as it goes', () => {
    const bare = { body: '', severity: 'info', topic: undefined };
    assert.deepEqual(noticeOf('just words'), { ...bare, title: 'just words' });
    assert.deepEqual(noticeOf({ severity: 'loud', body: 5 }), { ...bare, title: 'Notification' });
    const whole = { title: 'T', body: 'B', severity: 'error', topic: 'weather' };
    assert.deepEqual(noticeOf(whole), whole);
  });
});

describe('mark reporter', () => {
  test('marks: those of a moment go together, the furthest of each', async () => {
    const clock = new FakeClock();
    const reports: [string, Marks][] = [];
    const reporter = new MarkReporter({
      clock,
      report: (...report) => {
        reports.push(report);
        return Promise.resolve();
      },
    });
    reporter.add('a', { delivered: at(1) });
    reporter.add('a', { delivered: at(3), read: at(2) });
    reporter.add('a', { delivered: at(2) });
    reporter.add('b', { read: at(9) });
    await clock.pass(1000);
    assert.deepEqual(reports, [
      ['a', { delivered: at(3), read: at(2) }],
      ['b', { delivered: undefined, read: at(9) }],
    ]);
    assert.equal(clock.pending, 0);
  });

  test('marks: those that were not taken are told again, with newer ones', async () => {
    const clock = new FakeClock();
    const reports: (number | undefined)[] = [];
    let isDown = true;
    const reporter = new MarkReporter({
      clock,
      report: (_conversation, { read }) => {
        reports.push(read?.offset);
        return isDown ? Promise.reject(new Error('down')) : Promise.resolve();
      },
    });
    reporter.add('a', { read: at(1) });
    await clock.pass(200);
    isDown = false;
    await clock.pass(10_000);
    assert.deepEqual(reports, [1, 1]);
    reporter.add('a', { read: at(2) });
    reporter.close();
    await clock.pass(10_000);
    assert.deepEqual(reports, [1, 1]);
    assert.equal(clock.pending, 0);
  });
});
