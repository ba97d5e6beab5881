/** The effective settings as a person may see them: with their sources, without secrets. */
import type { LimitName } from '../limits.ts';
import type { LoadedConfig } from './load-config.ts';
import type { Origin } from './setting-reader.ts';
import { allSettings, limitSettings, settings } from './settings-table.ts';
import { maskUrlSecrets } from './urls.ts';

export interface EffectiveSetting {
  readonly name: string;
  /** Undefined: not set. Secrets are `***`. */
  readonly value: string | number | readonly string[] | undefined;
  readonly unit: string;
  readonly origin: Origin;
}

/** One entry for each setting, in the order of the table. */
export function effectiveSettings(
  loaded: LoadedConfig,
  configFile: string | undefined,
): readonly EffectiveSetting[] {
  const { config, originOf } = loaded;
  const limits = new Map<string, LimitName>(limitSettings.map(({ name }) => [name, name]));
  const hasSecondary = originOf(settings.accessKeySecondary).kind !== 'default';
  const values: Readonly<Record<string, EffectiveSetting['value']>> = {
    config: configFile,
    mode: config.mode,
    host: config.host,
    port: config.port,
    workers: config.workers,
    tlsKeyFile: config.tls?.keyFile,
    tlsCertFile: config.tls?.certFile,
    accessKey: config.accessKeys.length > 0 ? '***' : undefined,
    accessKeySecondary: hasSecondary ? '***' : undefined,
    publicEndpoints: config.publicEndpoints,
    backplane: maskUrlSecrets(config.backplane),
    azureConnectionString: config.azureConnectionString === undefined ? undefined : '***',
    streams: config.streamStore === undefined ? undefined : maskUrlSecrets(config.streamStore),
    logLevel: config.logLevel,
    logFormat: config.logFormat,
  };
  return allSettings.map((setting) => {
    const { name, unit } = setting;
    const limit = limits.get(name);
    const value = limit === undefined ? values[name] : config.limits[limit];
    return { name, value, unit, origin: originOf(setting) };
  });
}
