/** A lease: held from the first use until a moment after the last one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Lease } from '../../../../client-sdk/src/react/lease.ts';

describe('lease', () => {
  test('lease: taken off and put on again, nothing is let go', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const done: string[] = [];
    const lease = new Lease(
      () => done.push('acquire'),
      (held) => done.push(`release ${held}`),
    );
    assert.equal(lease.held, undefined);
    lease.use()();
    const release = lease.use();
    const other = lease.use();
    t.mock.timers.tick(10_000);
    assert.deepEqual([done, lease.held], [['acquire'], 1]);
    release();
    release();
    t.mock.timers.tick(10_000);
    assert.deepEqual(done, ['acquire']);
    other();
    assert.equal(lease.held, 1);
    t.mock.timers.tick(10_000);
    assert.deepEqual([done, lease.held], [['acquire', 'release 1'], undefined]);
  });

  test('lease: used again after its end, it acquires anew', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const done: string[] = [];
    const lease = new Lease(
      () => done.push('acquire'),
      () => done.push('release'),
    );
    for (let round = 0; round < 2; round += 1) {
      lease.use()();
      t.mock.timers.tick(10_000);
    }
    assert.deepEqual(done, ['acquire', 'release', 'acquire', 'release']);
  });
});
