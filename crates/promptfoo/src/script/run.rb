# Calls a function with arguments from standard input; what the function prints goes to standard error.
require "json"

job = JSON.parse($stdin.read)
out = $stdout.dup
$stdout.reopen($stderr)

def source(job)
  code = job["code"]
  body = code.include?("\n") ? code : "return #{code}"
  "def main(#{job["names"].join(", ")})\n#{body}\nend"
end

begin
  if job.key?("code")
    Object.class_eval(source(job))
    value = send(:main, *job["args"])
  else
    load(job["file"])
    value = send(job["function"].to_sym, *job["args"])
  end
  answer = JSON.generate({ "value" => value })
rescue Exception => error
  answer = JSON.generate({ "error" => "#{error.class}: #{error.message}" })
end
out.write(answer)
out.close
