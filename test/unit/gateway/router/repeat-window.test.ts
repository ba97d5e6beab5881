/** Holds the window of repeats to what it remembers, how long, and how much at most. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepeatWindow } from '../../../../gateway/router/repeat-window.ts';

class Clock {
  nowMs = 500;
  monotonicMs(): number {
    return this.nowMs;
  }
}

test('repeat window: an id is a repeat within its scope only', () => {
  const window = new RepeatWindow({ clock: new Clock() });
  assert.equal(window.isRepeat('g:hub:a', '1'), false);
  assert.equal(window.isRepeat('g:hub:a', '1'), true);
  assert.equal(window.isRepeat('g:hub:b', '1'), false);
  assert.equal(window.isRepeat('g:hub:a', '2'), false);
});

test('repeat window: an id is remembered for the window, and not for two', () => {
  for (const addedAtMs of [0, 1, 500, 999]) {
    const clock = new Clock();
    const window = new RepeatWindow({ clock, windowMs: 1000 });
    clock.nowMs += addedAtMs;
    window.isRepeat('k', 'id');
    clock.nowMs += 999;
    assert.equal(window.isRepeat('k', 'id'), true, `added at ${addedAtMs}`);
    clock.nowMs += 1001;
    window.isRepeat('k', 'other');
    clock.nowMs += 1001;
    assert.equal(window.isRepeat('k', 'id'), false, `added at ${addedAtMs}`);
  }
});

test('repeat window: silence forgets, too', () => {
  const clock = new Clock();
  const window = new RepeatWindow({ clock, windowMs: 1000 });
  window.isRepeat('k', 'id');
  clock.nowMs += 2000;
  assert.equal(window.isRepeat('k', 'id'), false);
});

test('repeat window: it never grows beyond its bound, and forgets the oldest first', () => {
  const window = new RepeatWindow({ clock: new Clock(), idsMax: 10 });
  for (let id = 0; id < 1000; id += 1) {
    assert.equal(window.isRepeat('k', String(id)), false);
    assert.ok(window.size <= 20);
    for (let recent = Math.max(0, id - 9); recent <= id; recent += 1) {
      assert.equal(window.isRepeat('k', String(recent)), true);
    }
  }
  assert.equal(window.isRepeat('k', '5'), false);
});
