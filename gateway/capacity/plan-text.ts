/** A capacity plan as a person reads it. */
import type { CapacityPlan, Workload } from './model.ts';

/** Lines of a name and what is planned. */
export function formatPlan(workload: Workload, plan: CapacityPlan): string {
  const { broker } = plan;
  const rows: (readonly [string, string])[] = [
    ['connections', formatCount(workload.connections)],
    ['groups', `${formatCount(plan.groups)} of ${formatCount(workload.groupSize)} members`],
    ['deliveries', `${formatCount(plan.deliveriesPerSecond)} per second`],
    ['', ''],
    ['nodes', `${formatCount(plan.nodes)} (decided by ${plan.boundBy})`],
    ['machines', formatCount(plan.machines)],
    ['a node: CPU', `${(plan.nodeCores * 100).toFixed(0)} % of a core`],
    ['a node: connections', formatCount(plan.nodeConnections)],
    [
      'a node: memory',
      `${formatBytes(plan.nodeBytes)}, and ${formatBytes(plan.kernelBytesPerNode)} of the kernel`,
    ],
    ['nodes per group message', plan.nodesPerMessage.toFixed(1)],
    ['bandwidth to clients', formatBits(plan.clientBitsPerSecond)],
    ['', ''],
    ['broker', brokerText(plan)],
    ...(broker.unit === 'none'
      ? []
      : ([
          ['broker: out and in, each', formatBits(broker.bitsPerSecondPerServer)],
          [
            'one destination at most',
            `${formatCount(broker.messagesPerDestinationMax)} messages per second`,
          ],
        ] as const)),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`.trimEnd());
  return [...lines, ...plan.warnings.map((warning) => `! ${warning}`), ''].join('\n');
}

function brokerText({ broker }: CapacityPlan): string {
  if (broker.unit === 'none') return 'none: the workers of one machine';
  const cpu = broker.coresPerServer > 0 ? `, ${broker.coresPerServer.toFixed(2)} cores each` : '';
  return `${broker.name}, ${formatCount(broker.servers)} ${broker.unit}${cpu}`;
}

export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function formatBytes(value: number): string {
  const mebibytes = value / 2 ** 20;
  return mebibytes < 1024 ? `${mebibytes.toFixed(0)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

function formatBits(value: number): string {
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} Mbit/s` : `${(value / 1e9).toFixed(1)} Gbit/s`;
}
