/** Reads what Linux says about a process and about the memory of its sockets. */
import { readFileSync } from 'node:fs';

const pageBytes = 4096;
const KiB = 1024;

/** Memory at one moment. Kernel figures are of the whole machine: use differences. */
export interface MemoryReading {
  /** Resident set of the process. */
  readonly rssBytes: number;
  /** Buffers of all TCP sockets of this network namespace's protocol (tcp_mem accounting). */
  readonly tcpBytes: number;
  /** Slab of the kernel: socket structures, small buffers, epoll items, file objects. */
  readonly slabBytes: number;
}

/** Reads all three figures. @throws Error when the process is gone. */
export function readMemory(pid: number): MemoryReading {
  const rollup = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
  return {
    rssBytes: parseField(rollup, 'Rss:') * KiB,
    tcpBytes: parseTcpPages(readFileSync('/proc/net/sockstat', 'utf8')) * pageBytes,
    slabBytes: parseField(readFileSync('/proc/meminfo', 'utf8'), 'Slab:') * KiB,
  };
}

/** The number after a label at the beginning of a line of /proc. @throws Error without it. */
export function parseField(text: string, label: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(label));
  const value = Number(/\d+/.exec(line?.slice(label.length) ?? '')?.[0]);
  if (Number.isNaN(value)) throw new Error(`/proc shows no "${label}"`);
  return value;
}

/** Pages that TCP buffers hold, from the text of /proc/net/sockstat. */
export function parseTcpPages(sockstat: string): number {
  const pages = /^TCP:.*\bmem (\d+)/m.exec(sockstat)?.[1];
  if (pages === undefined) throw new Error('/proc/net/sockstat shows no "TCP: ... mem"');
  return Number(pages);
}

/** What `after` has more than `before`. */
export function memoryDifference(after: MemoryReading, before: MemoryReading): MemoryReading {
  return {
    rssBytes: after.rssBytes - before.rssBytes,
    tcpBytes: after.tcpBytes - before.tcpBytes,
    slabBytes: after.slabBytes - before.slabBytes,
  };
}

/** Length of a clock tick in /proc/<pid>/stat: sysconf(_SC_CLK_TCK) is 100 on every Linux of today. */
const ticksPerSecond = 100;

/** User and system time of a process since it began. @throws Error when the process is gone. */
export function readCpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  // The name in parentheses may contain anything: count fields from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
