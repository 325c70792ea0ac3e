import { Option } from 'commander';

export const detach = new Option('--detach', 'return at once; the job goes on in the background');
