/** Opens the backplane that the configuration names. */
import { BackplaneUnavailableError, type Backplane } from '../backplanes/backplane.ts';
import { backplaneSchemes, openBackplane, type BackplaneOptions } from '../backplanes/index.ts';
import type { GatewayConfig } from './config.ts';
import { GatewayError } from './errors.ts';

/** Not started yet. @throws GatewayError `bad-setting` for a URL that no adapter understands. */
export async function configuredBackplane(config: GatewayConfig): Promise<Backplane> {
  const { azureConnectionString, backplane: url, limits } = config;
  const { publishTimeoutMs } = limits;
  const backplane = await open(url, { publishTimeoutMs, azureConnectionString });
  if (backplane !== undefined) return backplane;
  throw new GatewayError(
    'bad-setting',
    `TRUNKLINE_BACKPLANE must begin with ${backplaneSchemes.join(' or ')} in this version, ` +
      `got "${url.split(':')[0]}:"`,
  );
}

async function open(url: string, options: BackplaneOptions): Promise<Backplane | undefined> {
  try {
    return await openBackplane(url, options);
  } catch (cause) {
    if (!(cause instanceof BackplaneUnavailableError)) throw cause;
    throw new GatewayError('bad-setting', `TRUNKLINE_BACKPLANE: ${cause.message}`, { cause });
  }
}
