/** The generated part of docs/CONFIGURATION.md, from the table of settings. */
import type { SectionField } from './section-check.ts';
import { hubFields, issuerFields } from './sections.ts';
import type { SettingFacts } from './setting.ts';
import { allSettings, limitSettings } from './settings-table.ts';
import { retentionFields } from './stream-sections.ts';

/** Markdown: settings, limits, hubs, classes of streams and issuers; ends with a line break. */
export function settingsDocs(): string {
  const limits = new Set<string>(limitSettings.map(({ name }) => name));
  const general = allSettings.filter(({ name }) => !limits.has(name));
  return [
    '### Settings\n',
    settingRows(general),
    '### Limits\n',
    settingRows(limitSettings),
    '### Hubs: key `hubs`\n',
    fieldRows(hubFields),
    '### Classes of streams: key `retention`\n',
    fieldRows(retentionFields),
    '### Issuers: key `issuers`\n',
    fieldRows(issuerFields),
  ].join('\n');
}

function settingRows(rows: readonly SettingFacts[]): string {
  return table(
    ['flag', 'variable', 'key', 'default', 'accepted', 'meaning'],
    rows.map((setting) => {
      const unit = setting.unit === '' ? '' : ` ${setting.unit}`;
      return [
        `\`${setting.flag}\``,
        `\`${setting.variable}\``,
        setting.key === '' ? '' : `\`${setting.key}\``,
        `${setting.defaultText}${/^\d+$/.test(setting.defaultText) ? unit : ''}`,
        `${setting.expects}${unit}`,
        setting.meaning,
      ];
    }),
  );
}

function fieldRows(fields: readonly SectionField[]): string {
  return table(
    ['field', 'default', 'accepted', 'meaning'],
    fields.map((field) => [`\`${field.name}\``, field.defaultText, field.expects, field.meaning]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map(escapeCell).join(' | ')} |\n`).join('');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
