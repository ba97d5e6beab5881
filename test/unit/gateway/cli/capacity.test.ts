/** Holds `trunkline capacity` to its promises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TestHost } from './test-host.ts';

async function run(...args: readonly string[]): Promise<TestHost & { code: number }> {
  const host = new TestHost({});
  const code = await host.run('capacity', ...args);
  return Object.assign(host, { code });
}

describe('trunkline capacity', () => {
  test('capacity: prints nodes, memory, bandwidth and the broker', async () => {
    const { code, stdout } = await run('--connections', '100000', '--group-messages', '5000');
    assert.equal(code, 0);
    for (const line of [
      /^nodes +\d+ \(decided by CPU\)$/m,
      /^a node: memory +\d+ MiB/m,
      /^broker +redis, 1 shards/m,
    ]) {
      assert.match(stdout, line);
    }
  });

  test('capacity: ten million connections have a plan', async () => {
    const { code, stdout } = await run(
      '--connections',
      '10000000',
      '--json',
      '--backplane',
      'nats',
    );
    assert.equal(code, 0);
    // The command prints exactly this.
    const { plan } = JSON.parse(stdout) as { plan: { nodes: number; nodeConnections: number } };
    assert.ok(plan.nodes * plan.nodeConnections >= 10_000_000);
  });

  for (const [args, says] of [
    [[], /--connections/],
    [['--connections', '0'], /1\.\./],
    [['--connections', '10', '--backplane', 'kafka'], /memory, redis, nats, azure/],
    [['--connections', '10', '--retained', '2'], /0\.\.1/],
    [['--connections', '10', '--utilization', '0'], /--utilization/],
    [['--connections', '10', '--group-size', '0'], /--group-size/],
  ] as const) {
    test(`capacity: a wrong command line is refused: ${args.join(' ')}`, async () => {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2);
      assert.match(stderr, says);
    });
  }

  test('capacity: a load that nothing holds is a failure with a sentence', async () => {
    const rates = ['--group-messages', '100000000', '--group-size', '1000000'];
    const { code, stderr } = await run('--connections', '1000000', ...rates);
    assert.equal(code, 1);
    assert.match(stderr, /no number of nodes/);
  });
});
