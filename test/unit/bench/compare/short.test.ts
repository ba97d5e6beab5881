/**
 * The regression gate in a short form: the gateway and bare uWebSockets.js take turns, and what one
 * delivery costs the gateway may be a few times the other's at most. No absolute time is looked at.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCompiler } from '../../../../bench/micro/generator.ts';
import { parseOptions } from '../../../../bench/micro/options.ts';
import { runFanout } from '../../../../bench/micro/scenarios/fanout.ts';
import { chooseTargets } from '../../../../bench/micro/targets.ts';

const skip = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'the load generator uses epoll, which only Linux has';
  return findCompiler() === undefined && 'no C compiler answers: install gcc and libc6-dev';
}

const turns = 2;
const rate = 100;
/** It is 1.0 to 1.3 on a quiet machine; a lost fast path costs a factor of four and more. */
const ratioMax = 4;
const options = {
  ...parseOptions(['fanout']),
  subscribers: 200,
  warmupSeconds: 0.3,
  windowSeconds: 1.5,
};

describe('regression gate', { skip }, () => {
  test('fan-out: a delivery costs at most four times that of bare uWebSockets.js', async () => {
    const costs = new Map<string, { cpuSeconds: number; deliveries: number }>();
    for (let turn = 0; turn < turns; turn++) {
      for (const target of chooseTargets(['gateway', 'topics-deferred'])) {
        const { run } = await runFanout(target, rate, options);
        const before = costs.get(run.target) ?? { cpuSeconds: 0, deliveries: 0 };
        costs.set(run.target, {
          cpuSeconds: before.cpuSeconds + run.serverCpuSeconds,
          deliveries: before.deliveries + run.framesInWindow,
        });
      }
    }
    const perDelivery = (target: string): number => {
      const { cpuSeconds = 0, deliveries = 0 } = costs.get(target) ?? {};
      assert.ok(deliveries > 0, `${target} delivered nothing`);
      // A tick of the clock by which CPU time is read: less was not measured.
      return Math.max(cpuSeconds, 0.01) / deliveries;
    };
    const ratio = perDelivery('gateway') / perDelivery('topics-deferred');
    assert.ok(ratio < ratioMax, `a delivery costs ${ratio.toFixed(2)} times that of topics`);
  });
});
