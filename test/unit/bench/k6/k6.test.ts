/** The k6 runner's own parts: command line, sums over VUs, verdict on a run. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { coreCount, cpuBetween } from '../../../../bench/micro/cpu-window.ts';
import { parseLine, sumUp } from '../../../../bench/k6/k6-process.ts';
import { k6ScenarioNames } from '../../../../bench/k6/catalog.ts';
import { parseK6Options, UsageError } from '../../../../bench/k6/options.ts';
import type { ReportLine } from '../../../../bench/k6/plan.ts';
import { whatBroke, whyInvalid } from '../../../../bench/k6/verdict.ts';

const publisher = { kind: 'publisher', published: 5, expected: 50, refused: 1, lost: 0 } as const;
const receiver = {
  kind: 'receiver',
  delivered: 24,
  duplicate: 1,
  misdelivered: 0,
  outOfOrder: 2,
  gaps: 1,
  reconnects: 4,
  unready: 0,
  lost: 3,
} as const;

describe('k6 options', () => {
  test('defaults: all scenarios, one node and three, on Redis', () => {
    const options = parseK6Options([]);
    assert.deepEqual(options.scenarios, k6ScenarioNames);
    assert.deepEqual(options.nodes, [1, 3]);
    assert.deepEqual(options.backplanes, ['redis']);
    assert.equal(options.viaNginx, false);
  });

  for (const [args, says] of [
    [['--scenario', 'fan'], /"fan"/],
    [['--nodes', '1,x'], /--nodes .*"x"/],
    [['--nodes', '0'], /--nodes .*"0"/],
    [['--backplane', 'kafka'], /"kafka"/],
    [['--via', 'dns'], /"dns"/],
    [['--groups', '300', '--sockets', '200'], /--groups/],
    [['--speed', '3'], /--speed/],
  ] as const) {
    test(`a wrong command line is refused: ${args.join(' ')}`, () => {
      assert.throws(
        () => parseK6Options(args),
        (error) => error instanceof UsageError && says.test(error.message),
      );
    });
  }
});

describe('k6 report', () => {
  test('lines: reports are told from other output of k6', () => {
    assert.deepEqual(parseLine(JSON.stringify(publisher)), publisher);
    assert.equal(parseLine('running (5s), 4/4 VUs'), undefined);
  });

  test('sums: counters add up over the VUs, samples are kept apart by what they are of', () => {
    const lines: readonly ReportLine[] = [
      publisher,
      publisher,
      receiver,
      receiver,
      { kind: 'samples', of: 'delivery', us: [7, 9] },
      { kind: 'samples', of: 'lateness', us: [1] },
      { kind: 'samples', of: 'delivery', us: [3] },
    ];
    const result = sumUp(lines);
    assert.equal(result.published, 10);
    assert.equal(result.expected, 100);
    assert.equal(result.refused, 2);
    assert.equal(result.delivered, 48);
    assert.equal(result.duplicate, 2);
    assert.equal(result.outOfOrder, 4);
    assert.equal(result.lost, 6);
    assert.deepEqual([...result.deliveryUs], [7, 9, 3]);
    assert.deepEqual([...result.latenessUs], [1]);
  });
});

describe('k6 verdict', () => {
  const good = sumUp([publisher, receiver]);
  const idle = { seconds: 10, coresOf: { k6: 0.1 }, idleShare: 0.5, othersCores: 0 };

  test('a run with missing messages: counts, for that is a result', () => {
    assert.deepEqual(whyInvalid(good, idle), []);
  });

  test('a saturated generator, a busy machine, late sends, absent receivers: told', () => {
    const k6 = whyInvalid(good, { ...idle, coresOf: { k6: 0.71 * coreCount } });
    assert.match(k6.join(), /k6 used 71 %/);
    assert.match(whyInvalid(good, { ...idle, idleShare: 0.04 }).join(), /idle for only 4 %/);
    const late = { ...good, latenessUs: Uint32Array.from([60_000]) };
    assert.match(whyInvalid(late, idle).join(), /p99 60 ms/);
    assert.match(whyInvalid({ ...good, unready: 2 }, idle).join(), /2 sockets/);
  });

  test('what does not hold: missing, repeated, misdelivered, late', () => {
    const whole = { ...good, expected: good.delivered, duplicate: 0, outOfOrder: 0, gaps: 0 };
    const holds = { isOrdered: true, isValid: true };
    assert.deepEqual(whatBroke(whole, holds), []);
    const disordered = { ...whole, outOfOrder: 3 };
    assert.deepEqual(whatBroke(disordered, holds), ['3 out of order']);
    assert.deepEqual(whatBroke(disordered, { ...holds, isOrdered: false }), []);
    assert.deepEqual(whatBroke({ ...whole, expected: whole.delivered + 2, gaps: 1 }, holds), [
      '2 missing',
      '1 gaps',
    ]);
    const late = { ...whole, deliveryUs: Uint32Array.from([2_000_000]) };
    assert.deepEqual(whatBroke(late, holds), ['p99 2000 ms']);
    // Times of a run that does not count say nothing.
    assert.deepEqual(whatBroke(late, { ...holds, isValid: false }), []);
  });

  test('CPU: differences over the time between the readings', () => {
    const from = { atMs: 1000, secondsOf: { k6: 1 }, idleTicks: 100, allTicks: 200 };
    const to = { atMs: 3000, secondsOf: { k6: 2 }, idleTicks: 150, allTicks: 600 };
    const use = cpuBetween(from, to);
    assert.deepEqual(use.coresOf, { k6: 0.5 });
    assert.equal(use.seconds, 2);
    assert.equal(use.idleShare, 0.125);
    assert.equal(use.othersCores, 0.875 * coreCount - 0.5);
  });
});
