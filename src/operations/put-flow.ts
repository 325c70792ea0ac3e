import { SluiceError } from '../domain/sluice-error.ts';
import { compileLate } from '../flows/compile-late.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { saveFlow } from './save-flow.ts';

/** As save_flow, for a program that names the flow besides: in its address, say. */
export const putFlow = defineOperation({
  name: 'put_flow',
  title: 'Save a flow under its name',
  description: 'Checks and saves the text of the flow with this name.',
  effect: 'save',
  input: saveFlow.input.extend({ name: textInput(200) }),
  output: saveFlow.output,

  async run(context, { name, ...given }) {
    const compiled = await compileLate(given.text, `${name}.yaml`);
    if ('flow' in compiled && compiled.flow.name !== name) {
      throw new SluiceError(
        'invalid_input',
        `The text is that of the flow ${compiled.flow.name}, and the address names ${name.slice(0, 100)}. Nothing was saved.`,
      );
    }
    return saveFlow.run(context, given);
  },
});
