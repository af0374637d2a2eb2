import torch

# Tiny networks gain nothing from a second thread, and wait long for it on a busy machine.
torch.set_num_threads(1)
