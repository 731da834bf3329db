# Completes mlops in fish. To have it in every shell: mlops completion fish > ~/.config/fish/completions/mlops.fish
function __mlops_words
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    $before[1] completion query $before[2] "$word" $before[3..-1] 2>/dev/null
end
complete -c mlops -e
@VERBS@
@SETTLED@
complete -c mlops -n '__fish_seen_subcommand_from run plan check explain runs' -f -a '(__mlops_words)'
