/** Programs of the system that a test may need. */
import { spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';

const versionFlags: Readonly<Record<string, string>> = { nginx: '-v', haproxy: '-v' };

/** The environment with the folders of servers, which the PATH of an ordinary user often lacks. */
export const systemEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [process.env['PATH'], '/usr/local/sbin', '/usr/sbin'].join(delimiter),
};

/** For the `skip` option of a test: which of the programs is missing, or false. */
export function whyMissing(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => {
    const args = [versionFlags[program] ?? '--version'];
    return spawnSync(program, args, { env: systemEnvironment, stdio: 'ignore' }).status !== 0;
  });
  return missing.length > 0 && `no ${missing.join(' and no ')} in the PATH: install it`;
}
