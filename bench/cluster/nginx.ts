/** nginx in front of a cluster's nodes, with the settings of deploy/nginx. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../micro/paths.ts';
import { Member, type MemberOptions } from './member.ts';
import { answersOk } from './probes.ts';

export interface NginxOptions extends Pick<MemberOptions, 'guard' | 'onDeath'> {
  readonly port: number;
  readonly nodePorts: readonly number[];
}

/** Not started yet. */
export function nginxOf({ port, nodePorts, guard, onDeath }: NginxOptions): Member {
  const folder = join(guard.folder, 'nginx');
  mkdirSync(folder);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, port, nodePorts));
  return new Member({
    command: {
      name: 'nginx',
      command: 'nginx',
      // What is logged before the file is read goes to -e; the file says the same.
      args: ['-p', folder, '-e', 'stderr', '-c', file],
    },
    guard,
    isReady: () => answersOk(`http://127.0.0.1:${String(port)}/readyz`),
    onDeath,
  });
}

/** The frame around the shared settings: what differs between a container and this machine. */
function configuration(folder: string, port: number, nodePorts: readonly number[]): string {
  const shared = `${repositoryRoot}deploy/nginx`;
  const servers = nodePorts.map((nodePort) => `server 127.0.0.1:${String(nodePort)} max_fails=0;`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path "${folder}";`,
  );
  return `daemon off;
${process.getuid?.() === 0 ? 'user root root;' : ''}
worker_processes 1;
worker_rlimit_nofile 65536;
pid "${folder}/nginx.pid";
error_log stderr crit;
events { worker_connections 16000; }
http {
  include "${shared}/trunkline-http.conf";
  access_log off;
  ${temporary.join('\n  ')}
  upstream trunkline {
    ${servers.join('\n    ')}
    keepalive 64;
    keepalive_timeout 2s;
  }
  server {
    listen 127.0.0.1:${String(port)} backlog=4096;
    include "${shared}/trunkline-server.conf";
  }
}
`;
}
