/** `trunkline config`: the effective settings and where each came from, or their documentation. */
import { Command } from 'commander';
import { effectiveSettings, type EffectiveSetting } from '../config/effective.ts';
import { loadConfigWithOrigins } from '../config/load-config.ts';
import { settingsDocs } from '../config/settings-docs.ts';
import { configFileSetting } from '../config/settings-table.ts';
import type { Host } from './host.ts';
import { addSettingFlags, settingFlags } from './options.ts';

const examples = `
Exit code 2 says that a gateway would not start with these settings.

Examples:
  $ trunkline config
  $ trunkline config --config trunkline.json --json
  $ trunkline config --docs`;

export function configCommand(host: Host): Command {
  const command = new Command('config')
    .description('Checks and prints the settings that a gateway would run with; secrets are masked')
    .option('--json', 'Print JSON')
    .option('--docs', 'Print the documentation of all settings as Markdown');
  return addSettingFlags(command)
    .addHelpText('after', examples)
    .action(() => {
      const flags = command.opts<{ readonly json?: boolean; readonly docs?: boolean }>();
      if (flags.docs === true) host.print(settingsDocs());
      else printSettings(settingFlags(command), flags.json === true, host);
    });
}

function printSettings(flags: Readonly<Record<string, string>>, asJson: boolean, host: Host): void {
  const readFile = (path: string): string => host.readFile(path).toString();
  const loaded = loadConfigWithOrigins({ flags, env: host.env, readFile });
  const file = flags[configFileSetting.name] ?? host.env[configFileSetting.variable];
  const rows = effectiveSettings(loaded, file === '' ? undefined : file);
  const { hubs, issuers, retention } = loaded.config;
  if (asJson) {
    const settings = Object.fromEntries(
      rows.map(({ name, value, origin }) => [name, { value, source: origin.name }]),
    );
    host.print(`${JSON.stringify({ settings, hubs, retention, issuers }, undefined, 2)}\n`);
    return;
  }
  const sections = [
    ...Object.entries(hubs).map(([name, hub]) => `hub ${name}: ${JSON.stringify(hub)}\n`),
    ...Object.entries(retention).map(
      ([name, bounds]) => `retention ${name}: ${JSON.stringify(bounds)}\n`,
    ),
    ...issuers.map((issuer) => `issuer ${JSON.stringify(issuer)}\n`),
  ];
  host.print(formatRows(rows) + sections.join(''));
}

function formatRows(rows: readonly EffectiveSetting[]): string {
  const cells = rows.map(({ name, value, unit, origin }) => ({
    name,
    value: `${formatValue(value)}${unit === '' ? '' : ` ${unit}`}`,
    source: origin.name,
  }));
  const nameWidth = Math.max(...cells.map(({ name }) => name.length));
  const valueWidth = Math.max(...cells.map(({ value }) => value.length));
  const lines = cells.map(
    ({ name, value, source }) =>
      `${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${source}\n`,
  );
  return lines.join('');
}

function formatValue(value: EffectiveSetting['value']): string {
  if (value === undefined) return '-';
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  return value.length === 0 ? '-' : value.join(', ');
}
