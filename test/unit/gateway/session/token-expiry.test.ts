/** When connections end for their token's age. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TokenExpiry } from '../../../../gateway/session/token-expiry.ts';
import { FakeClock } from './session-fixtures.ts';

const graceMs = 5000;

function parts() {
  const clock = new FakeClock();
  const expiry = new TokenExpiry({ clock, graceMs });
  const ended: { readonly name: string; readonly atMs: number }[] = [];
  const owner = (name: string) => ({
    onTokenExpired: () => {
      ended.push({ name, atMs: clock.nowMs });
    },
  });
  /** Runs the sweeps, one a second. */
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second += 1) clock.advance(1000);
  };
  return { clock, ended, expiry, owner, pass };
}

describe('token expiry', () => {
  test('token expiry: after the grace, within two seconds, and once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -400_000, max: 100_000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 5000 }),
        (lifetimesMs, startMs) => {
          const { clock, ended, expiry, owner, pass } = parts();
          clock.nowMs = startMs;
          const dueMs = lifetimesMs.map((ms) => startMs + Math.max(0, ms) + graceMs);
          for (const [index, ms] of lifetimesMs.entries()) {
            expiry.add(owner(`${index}`), clock.wallSeconds() + ms / 1000);
          }
          pass(110);
          assert.equal(ended.length, lifetimesMs.length);
          for (const { name, atMs } of ended) {
            const lateMs = atMs - (dueMs[Number(name)] ?? Number.NaN);
            assert.ok(lateMs >= 0 && lateMs <= 2000, `${lateMs} ms late`);
          }
          assert.equal(clock.timers, 0, 'no timer is left');
        },
      ),
    );
  });

  test('token expiry: a token without an end costs nothing', () => {
    const { clock, expiry, owner } = parts();
    assert.equal(expiry.add(owner('a'), Number.POSITIVE_INFINITY), undefined);
    assert.equal(expiry.remainingMs(Number.POSITIVE_INFINITY), undefined);
    expiry.remove(owner('a'), undefined);
    assert.equal(clock.timers, 0);
  });

  test('token expiry: who is removed in time does not end', () => {
    const { clock, ended, expiry, owner, pass } = parts();
    const [stays, goes] = [owner('stays'), owner('goes')];
    expiry.add(stays, clock.wallSeconds() + 10);
    const sweep = expiry.add(goes, clock.wallSeconds() + 10);
    expiry.remove(goes, sweep);
    expiry.remove(goes, sweep);
    pass(30);
    assert.deepEqual(
      ended.map(({ name }) => name),
      ['stays'],
    );
    const last = expiry.add(goes, clock.wallSeconds() + 10);
    assert.equal(clock.timers, 1);
    expiry.remove(goes, last);
    assert.equal(clock.timers, 0);
  });

  test('token expiry: a wall clock that is set ends nobody early', () => {
    const { clock, ended, expiry, owner, pass } = parts();
    expiry.add(owner('a'), clock.wallSeconds() + 60);
    clock.wallAtStart += 86_400;
    pass(60);
    assert.deepEqual(ended, []);
    pass(10);
    assert.equal(ended.length, 1);
  });

  test('token expiry: after a pause of the process, all that is due ends at once', () => {
    const { clock, ended, expiry, owner } = parts();
    for (const seconds of [1, 20, 500]) expiry.add(owner(''), clock.wallSeconds() + seconds);
    clock.advance(600_000);
    assert.equal(ended.length, 3);
  });

  test('token expiry: what is left is in whole ms, and never below 0', () => {
    const { clock, expiry } = parts();
    assert.equal(expiry.remainingMs(clock.wallSeconds() + 1.5), 1500);
    assert.equal(expiry.remainingMs(clock.wallSeconds() - 200), 0);
  });
});
