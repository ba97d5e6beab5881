/** The tables of the report, each from raw data alone. */
import { coresOf, type NodeLoad } from '../../gateway/capacity/node-load.ts';
import { nodeCosts } from '../../gateway/capacity/costs.ts';
import { ratio } from '../micro/statistics.ts';
import {
  formatKiB,
  formatMs,
  formatNumber,
  formatRatio,
  formatShare,
  formatTable,
} from '../micro/table.ts';
import { Cell, type Measurement } from './data.ts';
import { highestHeld } from './search.ts';

type All = readonly Measurement[];

export interface ReportSection {
  readonly title: string;
  readonly text: string;
  /** Empty where nothing was measured. */
  readonly table: string;
  /** Name of a plot that belongs here. */
  readonly plot?: string;
}

export function sectionsOf(all: All): readonly ReportSection[] {
  return [
    fanoutSection(all),
    highestSection(all),
    crossSection(all),
    memorySection(all),
    acceptSection(all),
    scaleSection(all),
    jitterSection(all),
    brokerSection(all),
    k6Section(all),
    modelSection(all),
  ].filter(({ table }) => table !== '');
}

function targetsOf(all: All, row: string): readonly string[] {
  return [...new Set(all.filter((each) => each.row === row).map(({ target }) => target))];
}

function valuesOf(all: All, row: string, parameter: string): readonly number[] {
  const found = all.flatMap((each) => (each.row === row ? (each.params[parameter] ?? []) : []));
  return [...new Set(found)].toSorted((a, b) => a - b);
}

/** A table without rows is none. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : formatTable(header, rows);
}

function fanoutSection(all: All): ReportSection {
  const rows = valuesOf(all, 'fanout', 'rate').flatMap((rate) => {
    const costOf = (target: string): number | undefined =>
      new Cell(all, 'fanout', target, { rate }).quotient('serverCpuSeconds', 'deliveries');
    return targetsOf(all, 'fanout').map((target) => {
      const cell = new Cell(all, 'fanout', target, { rate });
      return [
        target,
        formatNumber(rate),
        formatShare(cell.median('cpuShare')),
        formatNumber(cell.quotient('deliveries', 'serverCpuSeconds')),
        formatMs(cell.latency(0.5)),
        formatMs(cell.latency(0.99)),
        formatShare(cell.median('complete'), 1),
        formatShare(cell.median('busyShare')),
        target === 'gateway' ? '' : formatRatio(ratio(costOf(target), costOf('gateway'))),
      ];
    });
  });
  const header = [
    'server',
    'messages/s',
    'CPU',
    'deliveries/CPU-s',
    'p50 ms',
    'p99 ms',
    'complete',
  ];
  return {
    title: 'Fan-out of one group at fixed rates',
    text:
      '1,000 subscribers, 10 publishers, 100 bytes. The last column is CPU time per delivery over ' +
      "the gateway's. Near 100 % CPU a server that writes once per turn of its loop shares writes, so " +
      'only "complete" and the latencies mean something there. Go uses all cores, the others one.',
    table: table([...header, 'generator', 'cost against gateway'], rows),
  };
}

function highestSection(all: All): ReportSection {
  const own = highestHeld(all, 'fanout-highest', 'gateway')?.params['rate'];
  const rows = targetsOf(all, 'fanout-highest').map((target) => {
    const run = highestHeld(all, 'fanout-highest', target);
    const rate = run?.params['rate'];
    const cell = new Cell(run === undefined ? [] : [run], 'fanout-highest', target);
    return [
      target,
      formatNumber(rate),
      formatShare(run?.values['cpuShare']),
      formatMs(cell.latency(0.5)),
      formatMs(cell.latency(0.99)),
      formatShare(run?.values['busyShare']),
      target === 'gateway' ? '' : formatRatio(ratio(own, rate)),
    ];
  });
  const header = ['server', 'messages/s', 'CPU', 'p50 ms', 'p99 ms', 'generator', 'gateway is'];
  return {
    title: 'Fan-out: the highest rate with p99 < 100 ms and nothing missing',
    text: 'Doubled and closed in to 15 %, servers in turn; a rate that fails is tried twice.',
    table: table(header, rows),
    plot: 'fan-out-latency',
  };
}

function crossSection(all: All): ReportSection {
  const [equalRate] = valuesOf(all, 'cross', 'rate');
  const rows = targetsOf(all, 'cross').map((target) => {
    const equal = new Cell(all, 'cross', target);
    const best = highestHeld(all, 'cross-highest', target);
    const half = new Cell(all, 'cross-half', target);
    const broker = new Cell(all, 'cross-half-broker', target);
    const perCpu = ratio(best?.values['messages'], best?.values['nodesCpuSeconds']);
    return [
      target,
      formatNumber(equal.quotient('messages', 'nodesCpuSeconds')),
      formatMs(equal.latency(0.99)),
      formatNumber(best?.params['rate']),
      formatNumber(perCpu),
      formatShare(best?.values['busyShare']),
      formatMs(half.latency(0.5)),
      formatMs(half.latency(0.99)),
      formatMs(broker.latency(0.5)),
      formatMs(broker.latency(0.99)),
    ];
  });
  const header = [
    'servers',
    `messages/CPU-s at ${formatNumber(equalRate)}/s`,
    'p99 ms',
    'highest rate',
    'messages/CPU-s there',
  ];
  const more = ['generator', 'p50 ms at half', 'p99 ms at half', 'broker p50 ms', 'broker p99 ms'];
  return {
    title: 'User to user over two nodes',
    text:
      '200 pairs, sender and receiver on different nodes, 100 bytes, every message ticked off. CPU is ' +
      'that of both nodes. Then the highest rate with p99 < 100 ms, latency at half of it, and the ' +
      "broker's own round trip at that rate. All share two cores with the generator: a highest rate is " +
      "the machine's where the generator is near 100 %.",
    table: table([...header, ...more], rows),
    plot: 'user-to-user-latency',
  };
}

function memorySection(all: All): ReportSection {
  const rows = valuesOf(all, 'idle', 'connections').flatMap((connections) =>
    targetsOf(all, 'idle').flatMap((target) => {
      const cell = new Cell(all, 'idle', target, { connections });
      if (cell.runs.length === 0) return [];
      const names = ['rssAfterGc', 'heapAfterGc', 'rssAsConnected', 'tcpBuffers', 'slab'];
      return [
        [target, formatNumber(connections), ...names.map((name) => formatKiB(cell.median(name)))],
      ];
    }),
  );
  const header = [
    'server',
    'connections',
    'process',
    'V8 heap',
    'before GC',
    'TCP buffers',
    'slab',
  ];
  return {
    title: 'Memory of an idle connection',
    text:
      'KiB per connection. Each has a user and one group; those of the gateway and of Centrifugo a ' +
      "token, too. Kernel figures are the machine's and hold both ends.",
    table: table(header, rows),
    plot: 'memory',
  };
}

function acceptSection(all: All): ReportSection {
  const costOf = (target: string): number | undefined =>
    new Cell(all, 'accept', target).quotient('serverCpuSeconds', 'accepted');
  const rows = targetsOf(all, 'accept').map((target) => {
    const cell = new Cell(all, 'accept', target);
    return [
      target,
      formatNumber(cell.quotient('accepted', 'serverCpuSeconds')),
      formatNumber(cell.quotient('accepted', 'seconds')),
      formatShare(cell.median('busyShare')),
      target === 'gateway' ? '' : formatRatio(ratio(costOf(target), costOf('gateway'))),
    ];
  });
  return {
    title: 'Accepting connections',
    text: '10,000, 100 at a time. The gateway and Centrifugo verify a token of each, the others nothing.',
    table: table(['server', 'per CPU-s', 'per second', 'generator', 'cost against gateway'], rows),
  };
}

function scaleSection(all: All): ReportSection {
  const rows = valuesOf(all, 'scale', 'rate').flatMap((rate) =>
    targetsOf(all, 'scale').flatMap((target) =>
      valuesOf(all, 'scale', 'nodes').map((nodes) => {
        const cell = new Cell(all, 'scale', target, { nodes, rate });
        const perDelivery = (name: string): number | undefined => {
          const seconds = cell.quotient(name, 'deliveries');
          return seconds === undefined ? undefined : seconds * 1e6;
        };
        return [
          target,
          formatNumber(rate),
          formatNumber(nodes),
          formatNumber(cell.quotient('deliveries', 'seconds')),
          formatNumber(perDelivery('nodesCpuSeconds'), 1),
          formatNumber(perDelivery('brokerCpuSeconds'), 1),
          formatMs(cell.latency(0.5)),
          formatMs(cell.latency(0.99)),
          formatShare(cell.median('complete'), 2),
          formatShare(cell.median('busyShare')),
        ];
      }),
    ),
  );
  const header = ['nodes on', 'messages/s', 'nodes', 'deliveries/s', 'µs of nodes per delivery'];
  const more = ['µs of broker', 'p50 ms', 'p99 ms', 'complete', 'generator'];
  return {
    title: 'One, two, three nodes',
    text:
      '100 groups of 10 whose members are on all nodes, a publisher each. More nodes get each message, ' +
      'so each delivery costs more CPU time in all: the cost, not the rate, is the honest figure on ' +
      'a machine with two cores.',
    table: table([...header, ...more], rows),
    plot: 'scaling',
  };
}

function jitterSection(all: All): ReportSection {
  const rows = targetsOf(all, 'jitter').map((target) => {
    const cell = new Cell(all, 'jitter', target);
    return [
      target,
      formatShare(cell.quotient('delivered', 'expected'), 2),
      formatNumber(cell.total('duplicates')),
      formatNumber(cell.total('outOfOrder')),
      formatMs(cell.latency(0.5)),
      formatMs(cell.latency(0.99)),
      formatMs(cell.median('recoverableP99Us')),
      formatNumber(cell.total('serverCpuSeconds'), 2),
    ];
  });
  const header = ['server', 'delivered', 'twice', 'out of order', 'p50 ms', 'p99 ms'];
  return {
    title: 'Jitter: every client is cut for 2 s every 15 s',
    text:
      '200 clients of one group, 10 messages/s for 30 s, the clients those of each project, with ' +
      'delays of 100 to 500 ms between attempts. Delivered: within 10 s after the last message. The ' +
      'last but one column counts messages that were due during a cut from its end.',
    table: table([...header, 'p99 ms from the end of the cut', 'server CPU s'], rows),
  };
}

function brokerSection(all: All): ReportSection {
  const rows = targetsOf(all, 'broker').flatMap((target) =>
    valuesOf(all, 'broker', 'receivers').map((receivers) => {
      const cell = new Cell(all, 'broker', target, { receivers });
      const rate = cell.runs[0]?.params['rate'];
      return [
        target,
        formatNumber(receivers),
        formatNumber(rate),
        formatNumber(cell.median('usPerPublish'), 2),
        formatShare(cell.median('share')),
      ];
    }),
  );
  return {
    title: 'The brokers themselves',
    text: 'CPU time of the broker per publication of 200 bytes and by the nodes that get it.',
    table: table(['broker', 'receivers', 'publishes/s', 'µs per publish', 'CPU'], rows),
  };
}

function k6Section(all: All): ReportSection {
  const rows = targetsOf(all, 'k6').flatMap((target) =>
    valuesOf(all, 'k6', 'nodes').flatMap((nodes) => {
      const own = all.filter(
        (each) => each.row === 'k6' && each.target === target && each.params['nodes'] === nodes,
      );
      if (own.length === 0) return [];
      const valid = new Cell(all, 'k6', target, { nodes });
      // What was counted is true of a run that does not count for its times.
      const sum = (name: string): number =>
        own.reduce((total, { values }) => total + (values[name] ?? 0), 0);
      return [
        [
          target,
          formatNumber(nodes),
          formatNumber(sum('expected')),
          formatNumber(sum('expected') - sum('delivered')),
          formatNumber(sum('duplicate')),
          formatNumber(sum('gaps')),
          formatMs(valid.latency(0.5)),
          formatMs(valid.latency(0.99)),
          formatShare(valid.median('gatewayCores')),
          formatShare(valid.median('k6Cores')),
          `${String(valid.runs.length)} of ${String(own.length)}`,
        ],
      ];
    }),
  );
  const header = ['scenario', 'nodes', 'expected', 'missing', 'twice', 'gaps', 'p50 ms', 'p99 ms'];
  return {
    title: 'k6 against whole clusters',
    text:
      'Sizes and method: bench/README.md. Counts are those of all runs, times and CPU those of the ' +
      'valid ones (k6 below 70 % of all cores, never late by more than 50 ms at its p99).',
    table: table([...header, 'gateways CPU', 'k6 CPU', 'valid runs'], rows),
    plot: 'k6-latency',
  };
}

/** The capacity model on these very runs: how far its constants hold here. */
function modelSection(all: All): ReportSection {
  const idle = { retained: 0, heartbeats: 0, accepts: 0 };
  const none = { deliveries: 0, receivers: 0 };
  const rows: (readonly string[])[] = [];
  const add = (name: string, measured: number | undefined, loads: readonly NodeLoad[]): void => {
    if (measured === undefined) return;
    const brokers = ['nats', 'redis'] as const;
    const backplane = brokers.find((each) => name.includes(each)) ?? 'memory';
    const model = loads.reduce((sum, load) => sum + coresOf(load, nodeCosts, backplane), 0);
    rows.push([
      name,
      formatNumber(measured, 2),
      formatNumber(model, 2),
      formatRatio(model / measured),
    ]);
  };
  const fan = { ...idle, inbound: 50, arrivals: 0, deliveries: 50_000, receivers: 1000 };
  add('fan-out at 50/s', new Cell(all, 'fanout', 'gateway', { rate: 50 }).median('cpuShare'), [
    fan,
  ]);
  for (const target of ['gateway-redis', 'gateway-nats']) {
    for (const row of ['cross', 'cross-half']) {
      const cell = new Cell(all, row, target);
      const rate = cell.runs[0]?.params['rate'] ?? 0;
      const receiver = { ...idle, inbound: 0, arrivals: rate, deliveries: rate, receivers: 200 };
      const sender = { ...idle, ...none, inbound: rate, arrivals: 0 };
      const measured = cell.quotient('nodesCpuSeconds', 'seconds');
      add(`${target} at ${formatNumber(rate)}/s`, measured, [sender, receiver]);
    }
  }
  return {
    title: 'The capacity model against these runs',
    text: 'Cores of all nodes, as measured here and as docs/CAPACITY.md has them.',
    table: table(['run', 'measured', 'model', 'model over measured'], rows),
  };
}
