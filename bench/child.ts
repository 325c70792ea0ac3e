// A fresh process in which one contender runs once: child.ts MODULE SETTING
import type { Contend, Setting } from './contender.ts';

const [module = '', setting = ''] = process.argv.slice(2);
const { default: contend } = (await import(module)) as { default: Contend };
const measured = await contend(JSON.parse(setting) as Setting);
process.send?.(measured, () => process.exit());
