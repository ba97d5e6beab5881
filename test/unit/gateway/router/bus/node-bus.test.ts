/** Tests of calls and questions between nodes, and of a node's doubt that it knows all others. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError, type ErrorCode } from '../../../../../gateway/errors.ts';
import { encodeNodeMessage } from '../../../../../gateway/router/bus/node-message.ts';
import { controlKey, inboxKey } from '../../../../../gateway/router/keys.ts';
import { Network, type SimulatedNode } from './simulation.ts';

async function three(network = new Network({ countsReceivers: true })) {
  const nodes = await network.addAll(3);
  const [a, b, c] = nodes;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  await network.pass(50);
  return { network, nodes, a, b, c };
}

function hasCode(code: ErrorCode, text = ''): (error: unknown) => boolean {
  return (error) =>
    error instanceof GatewayError && error.code === code && error.message.includes(text);
}

const userExists = { call: 'userExists', args: ['hub', 'ann'] };

function exists(node: SimulatedNode): ReturnType<SimulatedNode['bus']['survey']> {
  return node.bus.survey(userExists);
}

describe('node bus: calls', () => {
  test('node bus: a call to itself does not travel', async () => {
    const { a, network } = await three();
    await a.connect({ userId: 'ann' });
    const before = new Map(network.published);
    assert.equal(await a.bus.call('n1', 'userExists', ['hub', 'ann']), true);
    assert.deepEqual(network.published, before);
  });

  test('node bus: a call is executed at the node it names, and there alone', async () => {
    const { a, b, c, network } = await three();
    await b.connect({ userId: 'ann' });
    assert.equal(await network.during(a.bus.call('n2', 'userExists', ['hub', 'ann'])), true);
    assert.equal(await network.during(a.bus.call('n3', 'userExists', ['hub', 'ann'])), false);
    assert.deepEqual([a.executed, b.executed, c.executed], [[], ['userExists'], ['userExists']]);
  });

  test('node bus: a call that nobody answers is unknown after its time, not no', async () => {
    const { a, network } = await three();
    const before = network.clock.monotonicMs();
    const call = a.bus.call('nobody', 'userExists', ['hub', 'ann']);
    await assert.rejects(network.during(call), hasCode('nodes-missing', 'nobody'));
    assert.equal(network.clock.monotonicMs() - before, 1000);
  });

  test('node bus: a call to a node that dies meanwhile is unknown', async () => {
    const { a, b, network } = await three();
    b.beforeCall = () => {
      b.kill();
      return Promise.resolve();
    };
    const call = a.bus.call('n2', 'userExists', ['hub', 'ann']);
    await assert.rejects(network.during(call), hasCode('nodes-missing', 'n2'));
  });

  test('node bus: a failure travels with its code and text', async () => {
    const { a, b, network } = await three();
    b.beforeCall = () => Promise.reject(new GatewayError('too-many-groups', 'not one more'));
    const call = a.bus.call('n2', 'userExists', ['hub', 'ann']);
    await assert.rejects(network.during(call), hasCode('too-many-groups', 'not one more'));
    assert.deepEqual(b.errors, []);
  });

  test('node bus: a fault is told where it happened, and only its fact elsewhere', async () => {
    const { a, b, network } = await three();
    const fault = new TypeError('secret detail');
    b.beforeCall = () => Promise.reject(fault);
    const call = a.bus.call('n2', 'userExists', ['hub', 'ann']);
    await assert.rejects(network.during(call), (error: unknown) => {
      assert.ok(error instanceof GatewayError && error.code === 'internal');
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.deepEqual(b.errors, [fault]);
  });

  test('node bus: a call or arguments of another version are refused with the remedy', async () => {
    const { a, network } = await three();
    const refused = hasCode('bad-request', 'same');
    for (const [call, args] of [
      ['newCall', []],
      ['__proto__', []],
      ['userExists', ['hub']],
      ['userExists', ['hub', 1]],
      ['listGroup', ['hub', 'g', 0, undefined]],
    ] as const) {
      await assert.rejects(network.during(a.bus.call('n2', call, args)), refused, call);
    }
  });

  test('node bus: what the backplane refuses is its error', async () => {
    const { a, network } = await three();
    a.link.isCut = true;
    const call = a.bus.call('n2', 'userExists', ['hub', 'ann']);
    await assert.rejects(network.during(call), hasCode('backplane-unavailable'));
    await assert.rejects(network.during(exists(a)), hasCode('backplane-unavailable'));
  });

  test('node bus: an answer that comes too late is counted and dropped', async () => {
    const { a, b, network } = await three();
    b.pause();
    await assert.rejects(network.during(a.bus.call('n2', 'userExists', ['hub', 'ann'])));
    assert.equal(a.bus.lateAnswers, 0);
    b.resume();
    await network.pass(100);
    assert.equal(a.bus.lateAnswers, 1);
  });

  test('node bus: an answer that cannot be sent is counted', async () => {
    const { a, b, network } = await three();
    b.link.isCut = true;
    await assert.rejects(network.during(a.bus.call('n2', 'userExists', ['hub', 'ann'])));
    assert.equal(b.bus.unsentAnswers, 1);
    assert.deepEqual(b.errors, []);
  });

  test('node bus: answers for an earlier start do not reach the next', async () => {
    const { a, b, network } = await three();
    // Both starts number their questions alike; their ids, and so their inboxes, differ.
    let release = (): void => undefined;
    b.beforeCall = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const first = a.bus.call('n2', 'userExists', ['hub', 'ann']);
    first.catch(() => undefined);
    await network.pass(10);
    const answerFirst = release;
    a.kill();
    const again = await network.add('n1-again');
    await b.connect({ userId: 'ann' });
    b.beforeCall = () => Promise.resolve();
    const second = again.bus.call('n2', 'userExists', ['hub', 'bob']);
    answerFirst();
    assert.equal(await network.during(second), false);
    assert.equal(again.bus.lateAnswers, 0);
  });
});

describe('node bus: questions to all', () => {
  test('node bus: a question reaches every node once, the asking one included', async () => {
    const { a, b, c, network } = await three();
    const result = await network.during(exists(a));
    assert.deepEqual([...result.answers.keys()].sort(), ['n1', 'n2', 'n3']);
    assert.equal(result.isComplete, true);
    assert.deepEqual(
      [a, b, c].map(({ executed }) => executed.length),
      [1, 1, 1],
    );
  });

  test('node bus: a paused node is named as missing', async () => {
    const { a, c, network } = await three();
    c.pause();
    const result = await network.during(exists(a));
    assert.deepEqual([result.isComplete, result.missing], [false, ['n3']]);
    assert.equal(result.answers.size, 2);
  });

  test('node bus: a node that leaves meanwhile is not waited for', async () => {
    const { a, c, network } = await three();
    c.beforeCall = () => new Promise(() => undefined);
    const asked = exists(a);
    await network.pass(10);
    await network.during(c.bus.stop());
    const result = await network.during(asked);
    assert.deepEqual([result.isComplete, [...result.answers.keys()].sort()], [true, ['n1', 'n2']]);
  });

  test('node bus: a killed node is forgotten within 10 s, not before 9', async () => {
    const { a, b, c, network } = await three();
    c.kill();
    await network.pass(8900);
    for (const node of [a, b]) assert.notEqual(node.bus.roster.state('n3'), undefined);
    await network.pass(1100);
    for (const node of [a, b]) assert.equal(node.bus.roster.state('n3'), undefined);
    assert.equal((await network.during(exists(a))).isComplete, true);
  });

  test('node bus: a node paused for 8 s is suspect, not forgotten, and answers again', async () => {
    for (const isLastFirst of [false, true]) {
      const { a, b, c, network } = await three();
      c.pause();
      await network.pass(8000);
      for (const node of [a, b]) assert.equal(node.bus.roster.state('n3'), 'suspect');
      c.resume(isLastFirst);
      await network.pass(1500);
      for (const node of [a, b]) assert.equal(node.bus.roster.state('n3'), 'alive');
      for (const node of [a, b, c]) {
        assert.equal((await network.during(exists(node))).isComplete, true);
      }
    }
  });

  test('node bus: a deaf node says unknown, though its broker counts no receiver', async () => {
    const { a, b, network } = await three();
    await b.connect({ userId: 'ann' });
    b.link.isDeaf = true;
    const result = await network.during(exists(a));
    assert.deepEqual([result.isComplete, result.missing], [false, ['n2']]);
    const own = await network.during(exists(b));
    assert.equal(own.isComplete, false);
  });

  test('node bus: what cannot be read is told and harms nothing', async () => {
    const { a, b, network } = await three();
    const good = encodeNodeMessage({
      kind: 'beat',
      node: 'x',
      incarnation: 1,
      isInDoubt: false,
      isLeaving: false,
    });
    const poison = [
      good.subarray(0, 2),
      good.subarray(0, good.length - 1),
      Uint8Array.from([...good.subarray(0, 2), ...Array.from({ length: 300 }, () => 0x91)]),
      Uint8Array.from([...good.subarray(0, 2), 0xc1, 0xff, 0x00]),
      Uint8Array.from([...good.subarray(0, 2), 0x01]),
      new Uint8Array(0),
      Uint8Array.from([255, 255, 1, 2, 3]),
    ];
    for (const bytes of poison) network.publish(controlKey, bytes);
    for (const bytes of poison) network.publish(inboxKey('n1'), bytes);
    await network.pass(10);
    assert.equal(a.errors.length, 2 * poison.length);
    assert.equal(b.errors.length, poison.length);
    assert.deepEqual(a.bus.roster.nodes(), ['n1', 'n2', 'n3']);
    assert.equal((await network.during(exists(a))).isComplete, true);
  });

  test('node bus: stop ends what is asked and tells the others', async () => {
    const { a, b, c, network } = await three();
    b.pause();
    const asked = exists(a);
    await network.pass(10);
    await network.during(a.bus.stop());
    assert.equal((await network.during(asked)).isComplete, false);
    await a.bus.stop();
    await network.pass(10);
    assert.equal(c.bus.roster.state('n1'), undefined);
  });
});

describe('node bus: doubt', () => {
  test('node bus: a new node hears of all others at once, and they of it', async () => {
    const network = new Network({ countsReceivers: true });
    const nodes = await network.addAll(5);
    for (const { bus } of nodes) {
      assert.equal(bus.roster.nodes().length, 5);
      assert.equal(bus.isInDoubt(), false);
    }
    // By then no heartbeat was due but the first: introductions are enough.
    assert.ok(network.clock.monotonicMs() < 1000 + defaultHeartbeatMs);
  });

  test('node bus: alone on a broker that counts, a node knows that at once', async () => {
    const network = new Network({ countsReceivers: true });
    const node = await network.add();
    assert.equal(node.bus.isInDoubt(), false);
    assert.equal((await network.during(exists(node))).isComplete, true);
  });

  test('node bus: where nobody counts, a node says unknown until it must know all', async () => {
    const network = new Network();
    const node = await network.add();
    assert.equal((await network.during(exists(node))).isComplete, false);
    await network.pass(9900);
    assert.equal((await network.during(exists(node))).isComplete, false);
    await network.pass(200);
    assert.equal((await network.during(exists(node))).isComplete, true);
    // Who has company is told.
    const another = await network.add();
    assert.equal((await network.during(exists(another))).isComplete, false);
    await network.pass(3010);
    assert.equal((await network.during(exists(another))).isComplete, true);
  });

  test('node bus: a node that never hears itself does not start', async () => {
    const network = new Network();
    network.publish = () => ({ receivers: 1 });
    await assert.rejects(network.add(), hasCode('backplane-unavailable', 'heartbeats'));
  });

  test('node bus: after an outage longer than death nobody is dead but who died', async () => {
    const { a, b, c, network, nodes } = await three();
    for (const { link } of nodes) {
      link.isCut = true;
      link.isDeaf = true;
    }
    await network.pass(30_000);
    assert.deepEqual(a.bus.roster.nodes(), ['n1', 'n2', 'n3']);
    assert.equal(a.bus.isInDoubt(), true);
    c.kill();
    for (const { link } of [a, b]) {
      link.isCut = false;
      link.recover();
    }
    await network.pass(5000);
    assert.equal(b.bus.roster.state('n1'), 'alive');
    const result = await network.during(exists(a));
    assert.deepEqual([result.isComplete, result.missing], [false, ['n3']]);
    await network.pass(6000);
    assert.equal((await network.during(exists(a))).isComplete, true);
    assert.equal((await network.during(exists(b))).isComplete, true);
  });

  test('node bus: a node that slept long asks everybody it knew before it says no', async () => {
    for (const isLastFirst of [false, true]) {
      const { a, network } = await three(new Network());
      await network.pass(4000);
      assert.equal(a.bus.isInDoubt(), false);
      a.pause();
      await network.pass(60_000);
      const asked = exists(a);
      a.resume(isLastFirst);
      assert.deepEqual([...a.bus.roster.nodes()].sort(), ['n1', 'n2', 'n3']);
      assert.equal((await network.during(asked)).isComplete, false);
      await network.pass(5000);
      assert.equal((await network.during(exists(a))).isComplete, true);
    }
  });

  test('node bus: a node that came while this one was deaf is not overlooked', async () => {
    const { a, network } = await three();
    a.link.isDeaf = true;
    const d = await network.add();
    await d.connect({ userId: 'ann' });
    a.link.recover();
    const values = async (): Promise<string> => {
      const { answers, isComplete } = await network.during(exists(a));
      if ([...answers.values()].includes(true)) return 'yes';
      return isComplete ? 'no' : 'unknown';
    };
    const seen = new Set<string>();
    for (let round = 0; round < 50; round += 1) {
      seen.add(await values());
      await network.pass(100);
    }
    assert.ok(!seen.has('no'), [...seen].join());
    assert.equal(await values(), 'yes');
  });

  test('node bus: a gap elsewhere than on the control key raises no doubt', async () => {
    const { a, network } = await three(new Network());
    await network.pass(4000);
    assert.equal(a.bus.isInDoubt(), false);
    a.link.tellGap(['g:hub:x']);
    assert.equal(a.bus.isInDoubt(), false);
    a.link.tellGap([controlKey]);
    assert.equal(a.bus.isInDoubt(), true);
  });

  test('node bus: timers end with the bus', async () => {
    const network = new Network({ countsReceivers: true });
    const node = await network.add();
    const before = network.clock.timers;
    await network.during(node.bus.stop());
    await network.pass(2000);
    assert.equal(network.clock.timers, before - 1);
  });
});

const defaultHeartbeatMs = 1000;
