/** What stands in a list that is being read. */
const widths = ["75%", "55%", "65%", "45%", "70%"];

export function Placeholders() {
  return (
    <div aria-hidden="true" className="grid animate-pulse gap-4 p-3">
      {widths.map((width) => (
        <div key={width} className="h-4 rounded bg-line" style={{ width }} />
      ))}
    </div>
  );
}
