/** The capacity model against what was measured, and in the directions in which it must move. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  brokerCosts,
  measuredPoints,
  nodeCosts,
  toleranceShare,
} from '../../../../gateway/capacity/costs.ts';
import { planBroker } from '../../../../gateway/capacity/broker-plan.ts';
import { planCapacity, type Workload } from '../../../../gateway/capacity/model.ts';
import { coresOf, nodesWithMembers } from '../../../../gateway/capacity/node-load.ts';
import { formatCount } from '../../../../gateway/capacity/plan-text.ts';
import { inRepository } from '../../../../bench/micro/paths.ts';

const workload: Workload = {
  backplane: 'redis',
  connections: 100_000,
  groupsPerConnection: 1,
  groupSize: 10,
  groupMessagesPerSecond: 5000,
  userMessagesPerSecond: 1000,
  payloadBytes: 200,
  retainedShare: 0,
  heartbeatSeconds: 10,
  connectionSeconds: 3600,
};
const options = {
  utilization: 0.5,
  connectionsPerNodeMax: 50_000,
  nodesPerMachine: 4,
  reconnectSeconds: 60,
};
const idle = { retained: 0, heartbeats: 0, accepts: 0 };

describe('capacity model', () => {
  for (const point of measuredPoints) {
    const { backplane, connections, cores, groupSize, nodes, rate, source } = point;
    test(`measured: ${source}, ${backplane}, ${String(rate)}/s to ${String(groupSize)}`, () => {
      // Over two nodes all senders are on the first and all receivers on the second.
      const isCross = nodes === 2;
      const deliveries = { deliveries: rate * groupSize, receivers: connections };
      const nothing = { deliveries: 0, receivers: 0 };
      const sender = { ...idle, ...(isCross ? nothing : deliveries), inbound: rate, arrivals: 0 };
      const receiver = { ...idle, ...deliveries, inbound: 0, arrivals: rate };
      const loads = isCross ? [sender, receiver] : [sender];
      const sum = loads.reduce((total, load) => total + coresOf(load, nodeCosts, backplane), 0);
      assert.ok(
        Math.abs(sum / cores - 1) <= toleranceShare,
        `the model says ${sum.toFixed(2)} cores, measured were ${String(cores)}`,
      );
    });
  }

  test('nodes with members: all of one node, one for a group of one, nearly all for large groups', () => {
    assert.equal(nodesWithMembers(1, 10), 1);
    assert.ok(Math.abs(nodesWithMembers(7, 1) - 1) < 1e-9);
    assert.ok(nodesWithMembers(10, 1000) > 9.99);
    assert.ok(nodesWithMembers(10, 10) < 10);
  });

  test('more of anything never needs fewer nodes', () => {
    const before = planCapacity(workload, options).nodes;
    for (const more of [
      { connections: 1_000_000 },
      { groupMessagesPerSecond: 50_000 },
      { groupSize: 100 },
      { userMessagesPerSecond: 100_000 },
      { retainedShare: 1 },
      { connectionSeconds: 60 },
    ]) {
      assert.ok(
        planCapacity({ ...workload, ...more }, options).nodes >= before,
        JSON.stringify(more),
      );
    }
  });

  test('a plan keeps to its bounds, with a node to spare', () => {
    const plan = planCapacity(workload, options);
    assert.ok(plan.nodeCores <= options.utilization);
    assert.ok(plan.nodeConnections <= options.connectionsPerNodeMax);
    const idlePlan = planCapacity(
      { ...workload, groupMessagesPerSecond: 0, userMessagesPerSecond: 0 },
      options,
    );
    assert.equal(idlePlan.nodes, 3);
    assert.equal(idlePlan.boundBy, 'connections');
  });

  test('a lost node: the others must have time for its clients', () => {
    const hurried = planCapacity(workload, { ...options, reconnectSeconds: 0.1 });
    assert.equal(hurried.boundBy, 'reconnects');
    assert.ok(hurried.nodes > planCapacity(workload, options).nodes);
  });

  test('a load that nothing holds: a range error', () => {
    const endless = { ...workload, groupSize: 100_000, groupMessagesPerSecond: 100_000_000 };
    assert.throws(() => planCapacity(endless, options), RangeError);
  });

  test('memory: one machine, and said when it is not enough', () => {
    const memory = { ...workload, backplane: 'memory' } as const;
    assert.deepEqual(planCapacity({ ...memory, connections: 1000 }, options).warnings, []);
    const [warning] = planCapacity({ ...memory, connections: 1_000_000 }, options).warnings;
    assert.match(warning ?? '', /one machine/);
  });
});

describe('broker plan', () => {
  const load = {
    messagesPerSecond: 10_000,
    arrivalsPerSecond: 30_000,
    retainedPerSecond: 0,
    messageBytes: 350,
    nodes: 10,
  };

  test('Redis: shards by its one thread, and a warning beyond the first', () => {
    assert.equal(planBroker('redis', brokerCosts, load).servers, 1);
    const large = { ...load, messagesPerSecond: 1e6, arrivalsPerSecond: 3e6 };
    const plan = planBroker('redis', brokerCosts, large);
    assert.ok(plan.servers > 1);
    assert.match(plan.warnings.join(), /one destination|single destination/);
  });

  test('NATS: never fewer than three servers', () => {
    assert.equal(planBroker('nats', brokerCosts, load).servers, 3);
  });

  test('Azure: units by publications and by what all nodes get', () => {
    const plan = planBroker('azure', brokerCosts, load);
    // Five envelopes in a message of 2 KB: 2,000 messages/s, to nine other nodes 18,000/s.
    assert.equal(plan.servers, 5);
    assert.equal(plan.unit, 'units');
  });

  test('retention: an append is the dearer part', () => {
    const live = planBroker('redis', brokerCosts, load).coresPerServer;
    const kept = planBroker('redis', brokerCosts, { ...load, retainedPerSecond: 10_000 });
    assert.ok(kept.coresPerServer > 2 * live);
  });
});

describe('docs/CAPACITY.md', () => {
  const text = readFileSync(inRepository('docs/CAPACITY.md'), 'utf8');
  const rows = text.split('\n').filter((line) => /^\| (?:notices|rooms|devices) /.test(line));

  test('the table is what the model says', () => {
    assert.equal(rows.length, 12);
    for (const row of rows) {
      const [name = '', connections = '', nodes = '', cores = '', servers = ''] = row
        .split('|')
        .slice(1)
        .map((cell) => cell.trim());
      const [backplane, ...wanted] = planRow(name, Number(connections.replaceAll(',', '')));
      assert.deepEqual(
        [nodes, cores, servers],
        wanted,
        `${name} of ${connections} on ${backplane}`,
      );
    }
  });

  test('every constant is in it', () => {
    for (const name of Object.keys(nodeCosts)) assert.match(text, new RegExp(`\`${name}\``), name);
  });
});

/** The three loads of the page: what one connection causes, times the connections. */
function planRow(name: string, connections: number): readonly [string, string, string, string] {
  const shapes: Readonly<Record<string, Workload>> = {
    notices: {
      ...workload,
      groupMessagesPerSecond: 0,
      userMessagesPerSecond: connections / 60,
    },
    rooms: { ...workload, groupMessagesPerSecond: connections / 100, userMessagesPerSecond: 0 },
    devices: {
      ...workload,
      backplane: 'nats',
      groupMessagesPerSecond: 0,
      userMessagesPerSecond: connections / 10,
      retainedShare: 1,
    },
  };
  const shape = shapes[name];
  assert.ok(shape !== undefined, name);
  const plan = planCapacity({ ...shape, connections }, options);
  const cores = `${(plan.nodeCores * 100).toFixed(0)} %`;
  return [shape.backplane, formatCount(plan.nodes), cores, formatCount(plan.broker.servers)];
}
