type Phrase = readonly [said: RegExp, spoken: string];

/** What is said to a model of its arguments, in the words of the command line. */
const before: readonly Phrase[] = [
  [
    /Give exactly one of records \(inline\) and source \([^)]*\)/g,
    'Name a file, or - for a pipe, or give --url, --records or --batch-job-id, only one of them',
  ],
  [
    /source takes either path, url or upload_id \(with format, array_path\) or batch_job_id \(with statuses\), only one of them/g,
    'Give a file, --url or --upload-id (with --format, --array-path) or --batch-job-id (with --statuses), only one of them',
  ],
  [/give source: \{path\} \(over HTTP \{upload_id\}\) instead/g, 'name it instead'],
  [/give source instead/g, 'name the file instead'],
  [
    /with patch \(set, or source with the corrected error file\)/g,
    'with --set or --file (the corrected error file)',
  ],
  [/corrected with patch\b/g, 'corrected with --set or --file'],
  [/correct them with patch\b/g, 'correct them with --set or --file'],
  [
    /(?:patch: )?takes exactly one of set, json_patch and source/g,
    'give one of --set, --json-patch and --file',
  ],
  [/(?:patch\.source: )?takes exactly one of path and upload_id/g, 'give one of --file and --upload-id'],
  [/as patch\.source of (?=retry_batch)/g, 'with --file to '],
  [/as patch\.source\b/g, 'with --file'],
  [/\bselect\.where\b/g, '--where'],
  [/\bselect "maybe_applied": false/g, '--no-maybe-applied'],
  [/ \(may_have_arrived\)/g, ''],
  [/(?<=\. |^)error_groups (?=names|says)/g, 'What is above '],
  [/\berror_groups (?=names|says)/g, 'what is above '],
  [/\bfrom error_groups\b/g, 'as export_batch_errors names them'],
  [/\bproblems says why/g, 'What is above says why'],
  [/what problems says and call save_flow with the whole text again/g, 'what is above, and save it again'],
  [/not a next_(?:groups_)?cursor of an earlier answer/g, 'not one of an earlier answer'],
  [
    /action \((?:\w+, )*\w+\), concurrency, rate, max_failures, max_failure_rate, on_limit and drop_dead_letters/g,
    '--concurrency, --rate, --max-failures, --max-failure-rate and --on-limit',
  ],
  [/-*drop[_-]dead[_-]letters: batch job/g, 'Batch job'],
  [/with one of them as flow_id and (?=source )/g, 'with the name of one and '],
  [/with one of them as flow_id/g, 'with the name of one before the file'],
  [/duplicates: "skip"/g, '--duplicates skip'],
  [/give callback as well/g, 'give --callback as well'],
  [/with source \{"batch_job_id": "([^"]+)"[^}]*\}/g, 'with --batch-job-id $1'],
  [/Call (get_batch_status \{[^}]*\}) until finished is true/g, '$1 follows it'],
  [/, "cancel" ends it/g, ', `sluice cancel` ends it'],
  [/\bpass replaces: "([^"]*)"/g, 'pass --replaces $1'],
];

/** What is asked of a model for the person, who reads it here. */
const after: readonly Phrase[] = [
  [/\bstatuses \["(\w+)"\]/g, '--statuses $1'],
  [/"plan_digest": "([^"]+)"/g, '--plan-digest $1'],
  [/"flow_version": "latest"/g, '--flow-version latest'],
  [/Have the person correct/g, 'Correct'],
  [/Have the person mend/g, 'Mend'],
  [
    /show the person what is above, and go on only with their consent/g,
    'go on only if you want what is above',
  ],
  [/Ask the person to type (.+?) at a terminal/g, 'Type $1'],
  [/Ask the person to run (.+?) at a terminal/g, 'Run $1'],
  [/Ask the person to look at it with (.+?) at a terminal/g, 'Look at it with $1'],
  [/ask the person to approve it/g, 'approve it'],
  [/until the person types (.+?) at a terminal/g, 'until you type $1'],
  [/or have the person put (?=the module)/g, 'or put '],
  [/; no tool can do that|, which no tool can give/g, ''],
  [/ \(with their own target\)/g, ' (with your own target)'],
  [/; never ask them for the secret here/g, ''],
];

const replaced = (text: string, phrases: readonly Phrase[]) =>
  phrases.reduce((said, [pattern, spoken]) => said.replace(pattern, spoken), text);

export const phrases = [...before, ...after];
export const beforeCalls = (advice: string) => replaced(advice, before);
export const afterCalls = (advice: string) => replaced(advice, after);
