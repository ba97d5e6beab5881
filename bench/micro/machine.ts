/** Describes the machine and the versions, so that a figure can be judged later. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** Facts by name, in the order in which they are printed. */
export function describeMachine(): Readonly<Record<string, string>> {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    processor: `${String(processors.length)} x ${processors[0]?.model.trim() ?? 'unknown'}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    kernel: release(),
    'load before': loadavg()
      .map((load) => load.toFixed(2))
      .join(' '),
    node: process.version,
    'uWebSockets.js': packageVersion('uWebSockets.js'),
    'socket.io': packageVersion('socket.io'),
    'socket.io redis-adapter': packageVersion('@socket.io/redis-adapter'),
    ioredis: packageVersion('ioredis'),
    'nats client': packageVersion('@nats-io/transport-node'),
    redis: programVersion('redis-server'),
    nats: programVersion('nats-server'),
    'net.ipv4.tcp_wmem': sysctl('net/ipv4/tcp_wmem'),
    'net.ipv4.tcp_notsent_lowat': sysctl('net/ipv4/tcp_notsent_lowat'),
    'net.ipv4.tcp_rmem': sysctl('net/ipv4/tcp_rmem'),
    'net.ipv4.tcp_mem': sysctl('net/ipv4/tcp_mem'),
  };
}

/** The version in the first line that a program prints about itself. */
function programVersion(command: string): string {
  const path = [process.env['PATH'], '/usr/local/sbin', '/usr/sbin'].join(':');
  const env = { ...process.env, PATH: path };
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8', env });
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'not installed';
}

function packageVersion(name: string): string {
  try {
    const main = createRequire(import.meta.url).resolve(name);
    const folder = main.slice(0, main.lastIndexOf('node_modules/'));
    const text = readFileSync(`${folder}node_modules/${name}/package.json`, 'utf8');
    return String((JSON.parse(text) as { version?: unknown }).version);
  } catch {
    return 'unknown';
  }
}

function sysctl(path: string): string {
  try {
    return readFileSync(`/proc/sys/${path}`, 'utf8').trim().replaceAll('\t', ' ');
  } catch {
    return 'unknown';
  }
}
