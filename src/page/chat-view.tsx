import { render } from 'preact';
import './chat-view.css';

const place = document.getElementById('view');
if (place !== null) render(<p>Sluice</p>, place);
