/** The plans of the k6 scenarios: sizes, who is on which node, and what each message must reach. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { existsSync } from 'node:fs';
import { k6ScenarioNames, k6Scenarios, whyNoCell } from '../../../../bench/k6/catalog.ts';
import { makePlan } from '../../../../bench/k6/make-plan.ts';
import { parseK6Options } from '../../../../bench/k6/options.ts';
import type { Plan } from '../../../../bench/k6/plan.ts';
import { inRepository } from '../../../../bench/micro/paths.ts';

const cluster = {
  accessKey: 'k'.repeat(32),
  url: 'http://127.0.0.1:9000',
  nodes: [{ url: 'http://127.0.0.1:9001' }, { url: 'http://127.0.0.1:9002' }],
};
const options = parseK6Options(['--sockets', '40']);

function portOf(url: string | undefined): string {
  return new URL(url ?? '').port;
}

function socketsOf(plan: Plan) {
  return plan.receivers.flat();
}

describe('k6 plans', () => {
  for (const name of k6ScenarioNames) {
    test(`${name}: its script exists, and every socket has a target with that many receivers`, () => {
      const scenario = k6Scenarios[name];
      assert.ok(existsSync(inRepository(`bench/k6/scenarios/${scenario.script}.ts`)));
      const plan = makePlan(name, cluster, options);
      const counts = new Map<number, number>();
      for (const { target, urls } of socketsOf(plan)) {
        counts.set(target, (counts.get(target) ?? 0) + 1);
        assert.equal(urls.length, cluster.nodes.length);
      }
      assert.equal(socketsOf(plan).length, 40);
      for (const [index, { receivers }] of plan.targets.entries()) {
        assert.equal(counts.get(index), receivers);
      }
      assert.ok(plan.schedule.windowFromMs < plan.schedule.actionMs);
      assert.ok(plan.schedule.actionMs < plan.schedule.windowUntilMs);
      assert.ok(plan.schedule.windowUntilMs < plan.schedule.endMs);
    });
  }

  test('groups: one of all, ten of a tenth each, or of ten members each', () => {
    const sizes = (name: 'fanout' | 'large-groups' | 'small-groups') =>
      makePlan(name, cluster, options).targets.map(({ receivers }) => receivers);
    assert.deepEqual(sizes('fanout'), [40]);
    assert.deepEqual(
      sizes('large-groups'),
      Array.from({ length: 10 }, () => 4),
    );
    assert.deepEqual(
      sizes('small-groups'),
      Array.from({ length: 4 }, () => 10),
    );
  });

  test('user to user: whoever publishes to a socket is on another node', () => {
    const plan = makePlan('user-to-user', cluster, options);
    for (const { target, urls } of socketsOf(plan)) {
      const publisher = plan.publishers[target % plan.publishers.length];
      assert.notEqual(portOf(publisher?.url), portOf(urls[0]));
    }
  });

  test('REST to a user: the request goes to another node than the socket', () => {
    const plan = makePlan('rest-to-user', cluster, options);
    for (const { target, urls } of socketsOf(plan)) {
      assert.notEqual(portOf(plan.targets[target]?.sends?.[0]?.url), portOf(urls[0]));
    }
  });

  test('echo: a VU has the targets that its own messages go to', () => {
    const plan = makePlan('echo', cluster, parseK6Options(['--sockets', '120']));
    assert.equal(plan.receivers.length, 3);
    for (const [vu, sockets] of plan.receivers.entries()) {
      for (const { target } of sockets) assert.equal(target % plan.publishers.length, vu);
    }
  });

  test('streams: members join by themselves, and requests can go to any node', () => {
    const plan = makePlan('resume', cluster, options);
    assert.equal(plan.subprotocol, 'trunkline.v1.json');
    assert.deepEqual(
      plan.targets.map(({ name, sends }) => [name, sends?.length]),
      [['stream0', 2]],
    );
    assert.deepEqual(plan.away, { periodMs: 5000, offlineMs: 1000 });
  });

  test('through the balancer: it is the only address', () => {
    const plan = makePlan('fanout', cluster, parseK6Options(['--via', 'nginx']));
    for (const { urls } of socketsOf(plan)) assert.deepEqual(urls.map(portOf), ['9000']);
  });

  test('cells that say nothing are left out, with a reason', () => {
    assert.equal(whyNoCell('fanout', 'redis', 3), undefined);
    assert.equal(whyNoCell('resume', 'memory', 1), undefined);
    assert.match(whyNoCell('fanout', 'memory', 2) ?? '', /joins no nodes/);
    assert.match(whyNoCell('node-kill', 'memory', 1) ?? '', /ends with its node/);
    assert.match(whyNoCell('resume', 'azure', 2) ?? '', /Redis or NATS/);
  });
});
