/** The checker for clients of the Azure SDK finds every kind of thing that may go wrong. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { azureVerdictOf, type AzureBreak, type AzurePublication } from './azure-checker.ts';

const second = 1000;

/** Ten of one sender to one group, a second apart. */
const publications = Array.from({ length: 10 }, (_, number): AzurePublication => {
  const sentAt = number * second;
  return { id: `a-${number}`, sender: 'a', number, group: 'g', sentAt, ackedAt: sentAt + 5 };
});

interface Given {
  /** Numbers of the messages that came. */
  readonly came: readonly number[];
  readonly breaks?: readonly AzureBreak[];
  readonly fault?: string;
  readonly failedRejoins?: number;
  readonly publications?: readonly AzurePublication[];
}

function verdictOf(given: Given) {
  const { breaks = [], came, failedRejoins = 0, fault = 'kill-node' } = given;
  const received = came.map((number) => ({ id: `a-${number}`, at: number * second + 7 }));
  return azureVerdictOf({
    publications: given.publications ?? publications,
    followers: [{ name: 'u1', groups: ['g'], received, breaks, failedRejoins }],
    windows: [{ name: fault, from: 5 * second, until: 6 * second }],
  });
}

/** Those counts that are not zero. */
function countsOf(given: Given): Record<string, number> {
  return Object.fromEntries(Object.entries(verdictOf(given).counts).filter(([, n]) => n !== 0));
}

const all = publications.map(({ number }) => number);
const clean: AzureBreak = { at: 5100, code: 1008, reason: 'gone', backAt: 6100 };

describe('azure loss checker', () => {
  test('azure loss checker: everything once and in order is right', () => {
    assert.deepEqual(countsOf({ came: all }), {});
    assert.equal(verdictOf({ came: all }).deliveries, 10);
  });

  test('azure loss checker: an acknowledged message that never came is lost', () => {
    assert.deepEqual(countsOf({ came: all.slice(0, 9) }), { lost: 1 });
  });

  test('azure loss checker: what nobody acknowledged need not come', () => {
    const { ackedAt, ...unknown } = publications[9] ?? assert.fail();
    assert.ok(ackedAt !== undefined);
    const given = { came: all.slice(0, 9), publications: [...publications.slice(0, 9), unknown] };
    assert.deepEqual(countsOf(given), {});
  });

  test('azure loss checker: twice, too late and unknown are told apart', () => {
    assert.deepEqual(countsOf({ came: [...all, 9] }), { duplicates: 1 });
    assert.deepEqual(countsOf({ came: [1, 0, ...all.slice(2)] }), { outOfOrder: 1 });
    assert.deepEqual(countsOf({ came: [...all, 10] }), { unknown: 1 });
  });

  test('azure loss checker: a clean break after a kill excuses what was sent about it', () => {
    const given = { came: [0, 1, 2, 7, 8, 9], breaks: [clean] };
    assert.deepEqual(countsOf(given), {});
    assert.equal(verdictOf(given).excused, 4);
    assert.equal(verdictOf(given).backMsMax, 1100);
  });

  test('azure loss checker: a break excuses nothing long before or after it', () => {
    const given = { came: [0, 1, 3, 4, 5, 6, 7, 8], breaks: [clean] };
    assert.deepEqual(countsOf(given), { lost: 2 });
  });

  test('azure loss checker: a break without a kill is wrong and excuses nothing', () => {
    const given = { came: all.slice(0, 9), breaks: [clean], fault: 'rolling-restart' };
    assert.deepEqual(countsOf(given), { lost: 1, unexpectedBreaks: 1 });
  });

  test('azure loss checker: a break without 1008, or without an end, is not clean', () => {
    assert.deepEqual(countsOf({ came: all, breaks: [{ ...clean, code: 1006 }] }), {
      uncleanBreaks: 1,
    });
    const { backAt, ...endless } = clean;
    assert.ok(backAt !== undefined);
    assert.deepEqual(countsOf({ came: all, breaks: [endless] }), { uncleanBreaks: 1 });
  });

  test('azure loss checker: groups that were not joined again are counted', () => {
    assert.deepEqual(countsOf({ came: all, failedRejoins: 2 }), { failedRejoins: 2 });
  });
});
