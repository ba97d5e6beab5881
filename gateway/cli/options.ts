/** Options that several commands share, and typed access to what commander parsed. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { isHubName } from '../config/sections.ts';
import { allSettings, limitSettings } from '../config/settings-table.ts';

const limitNames: ReadonlySet<string> = new Set(limitSettings.map(({ name }) => name));

/** Gives the command a flag for every setting. */
export function addSettingFlags(command: Command): Command {
  for (const setting of allSettings) {
    const unit = setting.unit === '' ? '' : ` ${setting.unit}`;
    const expects = setting.secret ? '' : `${setting.expects}${unit}; `;
    const placeholder = setting.kind === 'integer' ? 'number' : setting.kind;
    const option = new Option(
      `${setting.flag} <${placeholder}>`,
      `${setting.meaning} (${expects}default: ${setting.defaultText})`,
    );
    command.addOption(option.helpGroup(limitNames.has(setting.name) ? 'Limits:' : 'Settings:'));
  }
  return command;
}

/** The texts of the setting flags that were given. */
export function settingFlags(command: Command): Readonly<Record<string, string>> {
  const given = Object.entries(command.opts<Record<string, unknown>>());
  return Object.fromEntries(
    given.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

export function hubOption(): Option {
  return new Option('--hub <name>', 'Hub of the clients').argParser(parseHub).makeOptionMandatory();
}

/** Parser of an option that takes an integer of a range. */
export function integerParser(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be ${String(min)}..${String(max)}.`);
  };
}

/** Parser of an option that can be given several times. */
export function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

function parseHub(text: string): string {
  if (isHubName(text)) return text;
  throw new InvalidArgumentError('It must be a letter, then up to 127 letters, digits or _.');
}
